import { next, otherFacing, type Devices, listDevices, pick } from './devices.ts'
import { obstacle, troubleOf, type Trouble } from './trouble.ts'
import type { Wishes } from './wishes.ts'
import type { MediaState } from './signal-message.ts'

type Kind = 'audio' | 'video'

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } }

/**
 * Our own camera, microphone and screen. Steps that open or close a device run
 * one after the other. stream holds what is sent, and is the one the peers see.
 */
export class Media {
  readonly stream = new MediaStream()
  readonly trouble: Partial<Record<Kind, Trouble>> = {}
  devices: Devices = { cameras: [], microphones: [] }
  audio: MediaStreamTrack | undefined
  camera: MediaStreamTrack | undefined
  screen: MediaStreamTrack | undefined
  audioOn: boolean
  videoOn: boolean
  private chain: Promise<void> = Promise.resolve()
  private readonly wishes: Wishes
  private readonly changed: () => void

  constructor(wishes: Wishes, changed: () => void) {
    this.wishes = wishes
    this.changed = changed
    this.audioOn = wishes.audio
    this.videoOn = wishes.video
    navigator.mediaDevices?.addEventListener?.('devicechange', () => void this.renew())
  }

  /** The picture that is sent: the screen before the camera. */
  get video(): MediaStreamTrack | undefined {
    return this.screen ?? this.camera
  }

  get state(): MediaState {
    return { audio: this.audioOn && this.audio !== undefined, video: this.video !== undefined, screen: this.screen !== undefined }
  }

  get canShareScreen(): boolean {
    return typeof navigator.mediaDevices?.getDisplayMedia === 'function'
  }

  /** The camera is one of several, or a phone's that has another side. */
  get canSwitch(): boolean {
    return this.devices.cameras.length > 1
  }

  /** The picture of a front camera is shown as in a mirror. */
  get mirrored(): boolean {
    return this.screen === undefined && this.camera?.getSettings().facingMode !== 'environment'
  }

  /** Opens what is wanted and not open; what cannot be had is told in trouble. */
  start(): Promise<void> {
    return this.next(() => this.open({ audio: this.audioOn && !this.audio, video: this.videoOn && !this.camera }))
  }

  setAudio(on: boolean): Promise<void> {
    return this.next(async () => {
      this.audioOn = on
      if (on && !this.audio) await this.open({ audio: true, video: false })
      if (this.audio) this.audio.enabled = on
      if (!this.audio) this.audioOn = false
    })
  }

  setVideo(on: boolean): Promise<void> {
    return this.next(async () => {
      this.videoOn = on
      if (!on) this.drop('video') // not only disabled: the camera's light goes out
      else if (!this.camera) await this.open({ audio: false, video: true })
      if (!this.camera) this.videoOn = false
    })
  }

  choose(kind: Kind, id: string): Promise<void> {
    return this.next(async () => {
      if (kind === 'audio') this.wishes.microphone = id
      else this.wishes.camera = id
      const on = kind === 'audio' ? this.audioOn : this.videoOn
      if (!on) return
      this.drop(kind) // many phones open no second camera
      await this.open({ audio: kind === 'audio', video: kind === 'video' })
    })
  }

  /** Front to back and back; with cameras that say no side, the next one. */
  switchCamera(): Promise<void> {
    return this.next(async () => {
      const { facingMode, deviceId } = this.camera?.getSettings() ?? {}
      const facing = otherFacing(facingMode)
      const other = next(this.devices.cameras, deviceId)
      this.drop('video')
      if (facing && (await this.take({ video: { ...PICTURE, facingMode: { exact: facing } } }))) return
      this.wishes.camera = other?.id
      await this.open({ audio: false, video: true })
    })
  }

  async share(on: boolean): Promise<void> {
    if (!on) return this.endShare()
    try {
      const shown = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false })
      this.endShare()
      const track = shown.getVideoTracks()[0]
      if (!track) return
      track.contentHint = 'detail'
      track.addEventListener('ended', () => this.endShare()) // by the browser's own button
      this.screen = track
      this.refresh()
    } catch {
      // the person changed their mind
    }
  }

  private endShare(): void {
    if (!this.screen) return
    this.screen.stop()
    this.screen = undefined
    this.refresh()
  }

  /** Ends everything, after what is being opened: cameras go dark. */
  stop(): Promise<void> {
    return this.next(async () => {
      this.screen?.stop()
      this.screen = undefined
      this.drop('video')
      this.drop('audio')
    })
  }

  private async open(want: { audio: boolean; video: boolean }): Promise<void> {
    if (!want.audio && !want.video) return
    const kinds = (['audio', 'video'] as const).filter((kind) => want[kind])
    const stuck = obstacle(isSecureContext, typeof navigator.mediaDevices?.getUserMedia === 'function')
    if (stuck) {
      for (const kind of kinds) this.trouble[kind] = stuck
      return
    }
    this.devices = await listDevices()
    const all = Object.assign({}, ...kinds.map((kind) => this.constraints(kind))) as MediaStreamConstraints
    if (kinds.length < 2 || !(await this.take(all))) { // one at a time: what can be had is had
      for (const kind of kinds) await this.take(this.constraints(kind), kind)
    }
    this.devices = await listDevices() // with permission they have names
  }

  private constraints(kind: Kind): MediaStreamConstraints {
    if (kind === 'audio') {
      const id = pick(this.devices.microphones, this.wishes.microphone)
      return { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(id ? { deviceId: { exact: id } } : {}) } }
    }
    const id = pick(this.devices.cameras, this.wishes.camera)
    return { video: { ...PICTURE, ...(id ? { deviceId: { exact: id } } : { facingMode: 'user' }) } }
  }

  /** Asks for devices; says whether it got them. kind: the trouble is kept as this one's. */
  private async take(constraints: MediaStreamConstraints, kind?: Kind): Promise<boolean> {
    try {
      const got = await navigator.mediaDevices.getUserMedia(constraints)
      for (const track of got.getTracks()) this.keep(track)
      return true
    } catch (cause) {
      if (kind) this.trouble[kind] = troubleOf(cause)
      return false
    }
  }

  private keep(track: MediaStreamTrack): void {
    const kind = track.kind as Kind
    delete this.trouble[kind]
    track.addEventListener('ended', () => this.lost(track)) // unplugged, or taken back
    if (kind === 'audio') {
      track.enabled = this.audioOn
      this.audio = track
    } else {
      track.contentHint = 'motion'
      this.camera = track
    }
  }

  private lost(track: MediaStreamTrack): void {
    const kind = track.kind as Kind
    if (track !== this.audio && track !== this.camera) return
    this.trouble[kind] = 'absent'
    this.drop(kind)
    this.refresh()
    void this.renew()
  }

  /** A device came or went. */
  private renew(): Promise<void> {
    return this.next(async () => {
      this.devices = await listDevices()
      await this.open({ audio: this.audioOn && this.trouble.audio === 'absent', video: this.videoOn && this.trouble.video === 'absent' })
    })
  }

  private drop(kind: Kind): void {
    const track = kind === 'audio' ? this.audio : this.camera
    track?.stop()
    if (kind === 'audio') this.audio = undefined
    else this.camera = undefined
  }

  /** The stream is made to hold what is sent, and whoever shows it is told. */
  private refresh(): void {
    const wanted = [this.audio, this.video].filter((t) => t !== undefined)
    for (const t of this.stream.getTracks()) if (!wanted.includes(t)) this.stream.removeTrack(t)
    for (const t of wanted) this.stream.addTrack(t)
    this.changed()
  }

  private next(step: () => Promise<void>): Promise<void> {
    this.chain = this.chain.then(step).then(
      () => this.refresh(),
      () => this.refresh(),
    )
    return this.chain
  }
}
