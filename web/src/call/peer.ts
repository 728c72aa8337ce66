import type { Media } from './media.ts'
import { Negotiation } from './negotiation.ts'
import { qualityOf, unknownQuality, type Quality, type Sample } from './quality.ts'
import { sampleOf } from './stats.ts'
import { BitrateController, type Share } from './bitrate.ts'
import { writeCandidate, writeDescription, type MediaState, type SignalMessage } from './signal-message.ts'

/** What a peer needs of its call. */
export interface CallContext {
  readonly config: RTCConfiguration
  readonly media: Media
  /** The id we had before the server forgot us. */
  readonly was: string | undefined
  readonly online: boolean
  send(payload: object, to: string): void
  share(): Share
  /** Puts a new connection in the place of a peer's. */
  rebuild(id: string): void
  changed(): void
}

const RESTART_AFTER_MS = 2500 // a line that is quiet for less often comes back by itself
const RESTART_AGAIN_MS = 8000
const SILENT_TICKS = 5
// Firefox (153) sends nothing any more on a connection that had failed, whatever new path
// ICE finds for it, and says that it is connected.
const FAILED_FOR_GOOD = /\bFirefox\//.test(globalThis.navigator?.userAgent ?? '')

/**
 * One peer of the mesh and the connection to it. The one that was there first
 * offers; from the first offer on there is one place for sound and one for a
 * picture, both ways, and what is sent in them changes without negotiation, which old
 * clients would not understand. Only a new path (ICE restart) is negotiated. Where that
 * brings nothing back a new connection takes the place (Mesh.rebuild).
 */
export class Peer {
  readonly id: string
  name: string
  readonly stream = new MediaStream()
  readonly connection: RTCPeerConnection
  modern = false
  /** Its line to the server broke; what it sends may go on. */
  away = false
  /** Its picture or sound came within the last second or two. */
  hears = false
  quality: Quality = unknownQuality
  private state: MediaState | undefined
  private sentState = ''
  private sample: Sample | undefined
  private restartTimer: ReturnType<typeof setTimeout> | undefined
  private closed = false
  private restarted = false // it looked for a new path
  private dead = false // nothing is sent on it any more
  private silent = 0 // ticks without anything from a peer that says it sends
  /** We were in the room before it. */
  readonly first: boolean
  private readonly bitrate = new BitrateController()
  private readonly context: CallContext
  private readonly negotiation: Negotiation

  /** first: we were in the room before it, so we offer, and win when offers cross. anew: there was a connection before. */
  constructor(id: string, name: string, first: boolean, context: CallContext, anew = false) {
    this.id = id
    this.name = name
    this.first = first
    this.context = context
    const c = (this.connection = new RTCPeerConnection(context.config))
    this.negotiation = new Negotiation(c, !first, {
      send: (d, offer) => context.send(writeDescription(d, context.was, anew && d.type === 'offer' && !this.restarted, offer), id),
      prepare: () => this.fill(),
      trouble: (cause) => console.warn('call:', id, cause),
    })
    c.addEventListener('negotiationneeded', () => void this.negotiation.offer())
    c.addEventListener('icecandidate', ({ candidate }) => candidate?.candidate && context.send(writeCandidate(candidate.toJSON()), id))
    c.addEventListener('track', ({ track }) => this.receive(track))
    c.addEventListener('connectionstatechange', () => this.connectionChanged())
    if (!first) return
    const { audio, video, stream } = context.media
    c.addTransceiver(audio ?? 'audio', { direction: 'sendrecv', streams: [stream] })
    c.addTransceiver(video ?? 'video', { direction: 'sendrecv', streams: [stream] })
  }

  /** What the peer sends: as it says, or of an old client as it comes. */
  get sends(): MediaState {
    if (this.state) return this.state
    const comes = (kind: string) => this.stream.getTracks().some((t) => t.kind === kind && !t.muted)
    return { audio: comes('audio'), video: comes('video'), screen: false }
  }

  /** How loud it is now, linear, 0 to 1. */
  get level(): number {
    const receiver = this.connection.getReceivers().find((r) => r.track.kind === 'audio')
    return receiver?.getSynchronizationSources?.()[0]?.audioLevel ?? 0
  }

  /** It gets our sound alone, because the line to it is bad. */
  get soundOnly(): boolean {
    return !this.bitrate.picture && this.context.media.video !== undefined
  }

  handle(message: SignalMessage): void {
    switch (message.type) {
      case 'offer':
      case 'answer':
        this.modern ||= message.modern
        if (this.connection.remoteDescription) this.restarted = true
        void this.negotiation.takeDescription(message).then(() => this.sendState())
        return
      case 'candidate':
        void this.negotiation.takeCandidate(message.candidate)
        return
      case 'restart':
        if (this.first) this.renew()
        return
      case 'rebuild':
        if (this.first && this.connection.remoteDescription) this.context.rebuild(this.id) // else it is being done
        return
      case 'state':
        this.modern = true
        this.state = message
        this.context.changed()
    }
  }

  /** Sends what our media are now. */
  async updateTracks(): Promise<void> {
    if (this.connection.signalingState === 'closed') return
    await this.fill()
    this.sendState()
    await this.applyEncodings()
  }

  /** The line to the server is whole again: what waited for it goes on. */
  resume(): void {
    if (this.connection.connectionState !== 'connected' && this.connection.remoteDescription) this.restartICE()
  }

  /** New servers, used from the next restart on. */
  useServers(config: RTCConfiguration): void {
    this.connection.setConfiguration(config)
  }

  /** Once a second: measures, and decides on the picture. */
  async tick(): Promise<void> {
    if (this.connection.connectionState !== 'connected') {
      this.sample = undefined
      this.hears = false
      return
    }
    const now = performance.now()
    const sample = sampleOf((await this.connection.getStats()) as ReadonlyMap<string, Record<string, unknown>>, now)
    if (this.closed) return
    if (this.sample) {
      this.quality = qualityOf(this.sample, sample)
      this.hears = sample.bytes > this.sample.bytes
      this.notice()
    }
    this.sample = sample
    const before = this.bitrate.picture
    if (this.context.media.video) this.bitrate.note({ loss: sample.lossOut, uplink: sample.uplink }, now)
    if (before !== this.bitrate.picture) this.sendState()
    await this.applyEncodings()
  }

  /** After a restart nothing may come although the path is whole: a new connection is the way then. */
  private notice(): void {
    const silent = !this.hears && this.restarted && this.state !== undefined && (this.state.audio || this.state.video)
    this.silent = silent ? this.silent + 1 : 0
    if (this.silent < SILENT_TICKS || !this.context.online) return
    this.silent = 0
    this.rebuild()
  }

  private rebuild(): void {
    if (this.first) this.context.rebuild(this.id)
    else this.context.send({ type: 'rebuild' }, this.id)
  }

  /** What a new connection to the same peer begins with. */
  takeOver(was: Peer): void {
    this.modern = was.modern
    this.away = was.away
    this.state = was.state
  }

  close(): void {
    this.closed = true
    clearTimeout(this.restartTimer)
    this.connection.close()
  }

  /** Our tracks into the places of the offer; an answerer has these only from the offer on. */
  private async fill(): Promise<void> {
    const { audio, video, stream } = this.context.media
    for (const kind of ['audio', 'video'] as const) {
      const place = this.connection.getTransceivers().find((t) => t.receiver.track.kind === kind && t.direction !== 'stopped')
      if (!place) continue
      if (place.direction !== 'sendrecv') {
        place.direction = 'sendrecv'
        place.sender.setStreams?.(stream)
      }
      const track = (kind === 'audio' ? audio : video) ?? null
      if (place.sender.track !== track) await place.sender.replaceTrack(track)
    }
  }

  /** Limits the picture to this peer's share; asked again until the browser takes it. */
  private async applyEncodings(): Promise<void> {
    const sender = this.connection.getSenders().find((s) => s.track?.kind === 'video')
    if (!sender) return
    const { maxBitrate, scaleDown } = this.context.share()
    const wanted = { active: this.bitrate.picture, maxBitrate, scaleResolutionDownBy: scaleDown }
    const parameters = sender.getParameters()
    const encoding = parameters.encodings?.[0]
    if (!encoding || Object.entries(wanted).every(([key, value]) => encoding[key as keyof typeof wanted] === value)) return
    Object.assign(encoding, wanted)
    try {
      await sender.setParameters(parameters)
    } catch {
      // in the middle of a negotiation: the next tick asks again
    }
  }

  private sendState(): void {
    if (!this.modern || this.closed) return
    const state = { ...this.context.media.state }
    state.video &&= this.bitrate.picture
    state.screen &&= this.bitrate.picture
    const sentState = JSON.stringify(state)
    if (sentState === this.sentState) return
    this.sentState = sentState
    this.context.send({ type: 'state', ...state }, this.id)
  }

  private receive(track: MediaStreamTrack): void {
    for (const old of this.stream.getTracks()) if (old.kind === track.kind) this.stream.removeTrack(old)
    this.stream.addTrack(track)
    track.addEventListener('mute', () => this.context.changed())
    track.addEventListener('unmute', () => this.context.changed())
    this.context.changed()
  }

  private connectionChanged(): void {
    clearTimeout(this.restartTimer)
    const patience = this.first ? 0 : 2000 // one of the two goes ahead
    switch (this.connection.connectionState) {
      case 'connected':
        if (this.dead && this.modern) this.rebuild() // the other found a path before we asked for more
        void this.applyEncodings()
        break
      case 'disconnected':
        this.restartTimer = setTimeout(() => this.restartICE(), RESTART_AFTER_MS + patience)
        break
      case 'failed':
        this.dead = FAILED_FOR_GOOD
        this.restartTimer = setTimeout(() => this.restartICE(), patience)
    }
    this.context.changed()
  }

  /** Looks for a new path until there is one. */
  private restartICE(): void {
    clearTimeout(this.restartTimer)
    if (this.closed || this.connection.connectionState === 'connected') return
    this.restartTimer = setTimeout(() => this.restartICE(), RESTART_AGAIN_MS)
    if (!this.context.online) return
    if (this.dead && this.modern) this.rebuild()
    else this.renew()
  }

  /**
   * Looks for a new path, whatever the present one is like. Of two modern peers the
   * first does it, asked by the other: restarts that cross are settled by
   * negotiation, but Chromium shows no picture after it took its own one back.
   */
  renew(): void {
    this.restarted = true
    if (!this.first && this.modern) this.context.send({ type: 'restart' }, this.id)
    else if (!this.negotiation.again()) this.connection.restartIce()
  }
}
