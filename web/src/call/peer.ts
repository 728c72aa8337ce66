import type { Media } from './media.ts'
import { Negotiation } from './negotiation.ts'
import { qualityOf, unknownQuality, type Quality, type Sample } from './quality.ts'
import { sampleOf } from './stats.ts'
import { Thrift, type Share } from './thrift.ts'
import { writeCandidate, writeDescription, type MediaState, type Word } from './word.ts'

/** What a peer needs of the call it is in. */
export interface Circle {
  readonly config: RTCConfiguration
  readonly media: Media
  /** The id we had before the server forgot us. */
  readonly was: string | undefined
  readonly online: boolean
  say(payload: object, to: string): void
  share(): Share
  changed(): void
}

const MEND_AFTER_MS = 2500 // a line that is quiet for less often comes back by itself
const MEND_AGAIN_MS = 8000

/**
 * One peer of the mesh and the connection to it. The one who was there first
 * offers; from the first offer on there is one place for sound and one for a
 * picture, both ways, and what is sent in them changes without negotiation, which old
 * clients would not understand. Only a new path (ICE restart) is negotiated.
 */
export class Peer {
  readonly id: string
  name: string
  readonly stream = new MediaStream()
  readonly connection: RTCPeerConnection
  modern = false
  quality: Quality = unknownQuality
  private state: MediaState | undefined
  private told = ''
  private sample: Sample | undefined
  private mending: ReturnType<typeof setTimeout> | undefined
  private closed = false
  private readonly first: boolean
  private readonly thrift = new Thrift()
  private readonly circle: Circle
  private readonly negotiation: Negotiation

  /** first: we were in the room before it, so we offer, and win when offers cross. */
  constructor(id: string, name: string, first: boolean, circle: Circle) {
    this.id = id
    this.name = name
    this.first = first
    this.circle = circle
    const c = (this.connection = new RTCPeerConnection(circle.config))
    this.negotiation = new Negotiation(c, !first, {
      send: (d) => circle.say(writeDescription(d, circle.was), id),
      prepare: () => this.fill(),
      trouble: (cause) => console.warn('call:', id, cause),
    })
    c.addEventListener('negotiationneeded', () => void this.negotiation.offer())
    c.addEventListener('icecandidate', ({ candidate }) => candidate?.candidate && circle.say(writeCandidate(candidate.toJSON()), id))
    c.addEventListener('track', ({ track }) => this.receive(track))
    c.addEventListener('connectionstatechange', () => this.connectionChanged())
    if (!first) return
    const { audio, video, stream } = circle.media
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
    return !this.thrift.picture && this.circle.media.video !== undefined
  }

  take(word: Word): void {
    switch (word.type) {
      case 'offer':
      case 'answer':
        this.modern ||= word.modern
        void this.negotiation.takeDescription(word).then(() => this.tell())
        return
      case 'candidate':
        void this.negotiation.takeCandidate(word.candidate)
        return
      case 'restart':
        if (this.first) this.renew()
        return
      case 'state':
        this.modern = true
        this.state = word
        this.circle.changed()
    }
  }

  /** Sends what our media are now. */
  async carry(): Promise<void> {
    if (this.connection.signalingState === 'closed') return
    await this.fill()
    this.tell()
    await this.portion()
  }

  /** The line to the server is whole again: what waited for it goes on. */
  resume(): void {
    if (this.connection.connectionState !== 'connected' && this.connection.remoteDescription) this.mend()
  }

  /** New servers, used from the next restart on. */
  useServers(config: RTCConfiguration): void {
    this.connection.setConfiguration(config)
  }

  /** Once a second: measures, and decides on the picture. */
  async tick(): Promise<void> {
    if (this.connection.connectionState !== 'connected') {
      this.sample = undefined
      return
    }
    const now = performance.now()
    const sample = sampleOf((await this.connection.getStats()) as ReadonlyMap<string, Record<string, unknown>>, now)
    if (this.closed) return
    if (this.sample) this.quality = qualityOf(this.sample, sample)
    this.sample = sample
    const before = this.thrift.picture
    if (this.circle.media.video) this.thrift.note({ loss: sample.lossOut, uplink: sample.uplink }, now)
    if (before !== this.thrift.picture) this.tell()
    await this.portion()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.mending)
    this.connection.close()
  }

  /** Our tracks into the places of the offer; an answerer has these only from the offer on. */
  private async fill(): Promise<void> {
    const { audio, video, stream } = this.circle.media
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
  private async portion(): Promise<void> {
    const sender = this.connection.getSenders().find((s) => s.track?.kind === 'video')
    if (!sender) return
    const { maxBitrate, scaleDown } = this.circle.share()
    const wanted = { active: this.thrift.picture, maxBitrate, scaleResolutionDownBy: scaleDown }
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

  private tell(): void {
    if (!this.modern || this.closed) return
    const state = { ...this.circle.media.state }
    state.video &&= this.thrift.picture
    state.screen &&= this.thrift.picture
    const told = JSON.stringify(state)
    if (told === this.told) return
    this.told = told
    this.circle.say({ type: 'state', ...state }, this.id)
  }

  private receive(track: MediaStreamTrack): void {
    for (const old of this.stream.getTracks()) if (old.kind === track.kind) this.stream.removeTrack(old)
    this.stream.addTrack(track)
    track.addEventListener('mute', () => this.circle.changed())
    track.addEventListener('unmute', () => this.circle.changed())
    this.circle.changed()
  }

  private connectionChanged(): void {
    clearTimeout(this.mending)
    const patience = this.first ? 0 : 2000 // one of the two goes ahead
    switch (this.connection.connectionState) {
      case 'connected':
        void this.portion()
        break
      case 'disconnected':
        this.mending = setTimeout(() => this.mend(), MEND_AFTER_MS + patience)
        break
      case 'failed':
        this.mending = setTimeout(() => this.mend(), patience)
    }
    this.circle.changed()
  }

  /** Looks for a new path until there is one. */
  private mend(): void {
    clearTimeout(this.mending)
    if (this.closed || this.connection.connectionState === 'connected') return
    this.mending = setTimeout(() => this.mend(), MEND_AGAIN_MS)
    if (this.circle.online) this.renew()
  }

  /**
   * Looks for a new path, whatever the present one is like. Of two modern peers the
   * first does it, asked by the other: restarts that cross are settled by
   * negotiation, but Chromium shows no picture after it took its own one back.
   */
  renew(): void {
    if (!this.first && this.modern) this.circle.say({ type: 'restart' }, this.id)
    else if (!this.negotiation.again()) this.connection.restartIce()
  }
}
