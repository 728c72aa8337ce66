/**
 * Perfect negotiation (W3C webrtc-pc, 10.7): either side may offer at any time;
 * when two offers cross, the polite side takes its own back. Messages of a peer
 * must come in the order they were sent; they are handled one by one.
 */

/** What negotiation needs of an RTCPeerConnection. */
export interface Link {
  readonly signalingState: RTCSignalingState
  readonly localDescription: RTCSessionDescriptionInit | null
  readonly remoteDescription: RTCSessionDescriptionInit | null
  setLocalDescription(): Promise<void>
  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>
  addIceCandidate(candidate: RTCIceCandidateInit): Promise<void>
}

export interface NegotiationHandler {
  /** offer: what an answer answers (originOf). */
  send(description: RTCSessionDescriptionInit, offer: string | undefined): void
  /** A remote offer is in: put what we send into its places before the answer is made. */
  prepare(): Promise<void>
  /** Something the peer sent could not be used. */
  trouble(cause: unknown): void
}

/** What tells a description from all others of any connection: its origin (RFC 8866, 5.2), with a version that counts up (RFC 9429, 5.2.2). */
export function originOf(sdp: string | undefined): string | undefined {
  return /^o=(.*?)\r?$/m.exec(sdp ?? '')?.[1]
}

export class Negotiation {
  private offering = false
  private settingAnswer = false
  private ignoring = false
  private early: RTCIceCandidateInit[] = [] // candidates that came before their description
  private chain: Promise<void> = Promise.resolve()
  private readonly link: Link
  private readonly polite: boolean
  private readonly handler: NegotiationHandler

  constructor(link: Link, polite: boolean, handler: NegotiationHandler) {
    this.link = link
    this.polite = polite
    this.handler = handler
  }

  /** Makes an offer; call it when the connection says that negotiation is needed. */
  async offer(): Promise<void> {
    try {
      this.offering = true
      await this.link.setLocalDescription()
      this.sendLocal()
    } catch (cause) {
      this.handler.trouble(cause)
    } finally {
      this.offering = false
    }
  }

  /** Sends an offer again that was never answered; says whether there was one. */
  again(): boolean {
    if (this.link.signalingState !== 'have-local-offer') return false
    this.sendLocal()
    return true
  }

  /** offer: what an answer says that it answers; old clients do not say. */
  takeDescription(d: { type: 'offer' | 'answer'; sdp: string; offer?: string | undefined }): Promise<void> {
    return this.next(() => (d.type === 'offer' ? this.takeOffer(d.sdp) : this.takeAnswer(d.sdp, d.offer)))
  }

  takeCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    return this.next(async () => {
      if (!this.link.remoteDescription) this.early.push(candidate)
      else await this.addCandidate(candidate)
    })
  }

  private async takeOffer(sdp: string): Promise<void> {
    const free = !this.offering && (this.link.signalingState === 'stable' || this.settingAnswer)
    this.ignoring = !this.polite && !free
    if (this.ignoring) return
    await this.link.setRemoteDescription({ type: 'offer', sdp }) // takes our own offer back, if there is one
    await this.addEarly()
    await this.handler.prepare()
    await this.link.setLocalDescription()
    this.sendLocal(originOf(sdp))
  }

  private async takeAnswer(sdp: string, offer: string | undefined): Promise<void> {
    if (this.link.signalingState !== 'have-local-offer') return // to an offer that was taken back, or a second time
    if (offer !== undefined && offer !== originOf(this.link.localDescription?.sdp)) return // to one before, of this connection or of one that it replaced
    try {
      this.settingAnswer = true
      await this.link.setRemoteDescription({ type: 'answer', sdp })
    } finally {
      this.settingAnswer = false
    }
    await this.addEarly()
  }

  private async addEarly(): Promise<void> {
    const early = this.early
    this.early = []
    for (const candidate of early) await this.addCandidate(candidate)
  }

  private async addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    try {
      await this.link.addIceCandidate(candidate)
    } catch (cause) {
      if (!this.ignoring) this.handler.trouble(cause) // those of an ignored offer fit nothing
    }
  }

  private sendLocal(offer?: string): void {
    if (this.link.localDescription) this.handler.send(this.link.localDescription, offer)
  }

  private next(step: () => Promise<void>): Promise<void> {
    this.chain = this.chain.then(step).catch((cause: unknown) => this.handler.trouble(cause))
    return this.chain
  }
}
