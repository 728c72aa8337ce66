import Hls, { ErrorTypes, Events, type ErrorData, type Level } from 'hls.js/light'
import { LatencyController } from './latency.ts'
import { PatientLoader } from './loader.ts'
import { rememberParts } from './parts.ts'
import { hlsConfig } from './policy.ts'

const FOLLOW_S = 6 // a viewer that follows live is brought back when this far behind
const STALL_SHOWN_MS = 4000 // a picture that stands still is left alone for this long, then the page says why
const CLOCK_S = 2 // more than this between the programme's clock and the playlist, and one of the clocks is wrong
const BEHIND_S = 2.5 // more than this behind the live position counts as "not live"

/** What the page must know of the player; all are called often and cheaply. */
export interface PlayerEvents {
  /** It plays, stalls, stopped, or failed: ask the getters. */
  changed(): void
  /** The picture is about to go: keep what is to be seen of it. */
  leaving(): void
  /** The qualities, or the one shown, are others now. */
  qualities(): void
}

/** Choices that are no level of hls.js: let it choose, and sound without a picture. */
export const AUTO = -1
export const AUDIO = -2

/** One quality as the menu shows it; level is hls.js's number of it, or AUDIO. */
export interface Quality {
  level: number
  label: string
}

/**
 * Plays one stream in a video element: hls.js where it can, the browser's own HLS
 * (iPhone) where not. It never gives up by itself but says `failed`; the page
 * knows whether there is a stream at all and calls load again.
 */
export class Player {
  readonly native = !Hls.isSupported()
  /** The source is gone or cannot be played; load() tries anew. */
  failed = false
  /** The stream's end was reached. */
  finished = false
  private hls: Hls | undefined
  private Hls: typeof Hls = Hls // the build that is used: the light one reads no captions
  private readonly video: HTMLVideoElement
  private readonly url: string
  private readonly events: PlayerEvents
  private audioURL: string | undefined // of the list without a picture: hls.js itself drops it where there is video
  private listening = false
  private known: Quality[] = []
  private wanted = AUTO
  private followsLive = true
  private held = false // by the viewer, with the pause button
  private healedAt = -Infinity
  private stalledAt: number | undefined

  constructor(video: HTMLVideoElement, url: string, events: PlayerEvents) {
    this.video = video
    this.url = url
    this.events = events
    for (const type of ['playing', 'waiting', 'pause', 'loadeddata', 'emptied', 'volumechange']) {
      video.addEventListener(type, () => events.changed())
    }
    new LatencyController(video, () => (this.followsLive && this.live ? this.hls?.latestLevelDetails?.partTarget || undefined : undefined))
    video.addEventListener('ended', () => this.end())
    video.addEventListener('play', () => (this.held = false))
    for (const type of ['play', 'seeked']) video.addEventListener(type, () => this.rejoin())
    video.addEventListener('error', () => this.native && this.fail())
    video.addEventListener('resize', () => events.qualities())
    video.addEventListener('timeupdate', () => this.follow())
    setInterval(() => this.noteStall(), 250)
  }

  /** The hls.js instance, for the stage element's `hls` property. */
  get instance(): Hls | undefined {
    return this.hls
  }

  /** There is a source, and it has neither failed nor ended. */
  get loaded(): boolean {
    return (this.hls !== undefined || (this.native && this.video.src !== '')) && !this.failed && !this.finished
  }

  /** There is a picture to see, and it has not been still for long against the viewer's will. */
  get showing(): boolean {
    const still = this.stalledAt === undefined ? 0 : performance.now() - this.stalledAt
    return this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && !this.failed && still < STALL_SHOWN_MS
  }

  /** (Re)starts from the playlist, at the live edge. */
  load(): void {
    this.unload()
    this.failed = false
    this.finished = false
    this.followsLive = true
    if (this.native) {
      this.video.src = this.url
      if (!this.held) void this.play()
      return
    }
    const hls = new this.Hls({ ...hlsConfig, loader: PatientLoader })
    this.hls = hls
    hls.on(Events.ERROR, (_, data) => this.trouble(hls, data))
    hls.on(Events.MANIFEST_LOADED, (_, { levels, captions }) => {
      if (captions?.length && this.Hls === Hls) void this.readCaptions(hls).catch(() => undefined) // pictures and sound go on without
      if (!this.listening) this.list(hls.levels, levels.find((l) => l.audioCodec && !l.videoCodec && !l.height)?.url)
      this.events.qualities()
    })
    hls.on(Events.MANIFEST_PARSED, () => {
      if (!this.listening && this.wanted !== AUTO && this.wanted < hls.levels.length) hls.currentLevel = this.wanted
      if (!this.held) void this.play()
    })
    hls.on(Events.LEVEL_SWITCHED, () => this.events.qualities())
    // hls.js forgives a buffer that ends 1 µs before its segment only where it knows
    // endDTS, which it notes for whole segments but not for parts (1.7.4): it then
    // believes the segment to be incomplete, and loads nothing more.
    hls.on(Events.FRAG_PARSED, (_, { frag, part }) => {
      if (part) frag.endDTS = part.end
    })
    rememberParts(hls)
    this.watchTracks(hls)
    hls.loadSource((this.listening && this.audioURL) || this.url)
    hls.attachMedia(this.video)
    this.events.changed()
  }

  /**
   * A publisher who gains or loses sound changes the tracks of the media. A browser's buffers stay what they
   * were made for, and hls.js waits for ever or fails: it begins anew there.
   */
  private watchTracks(hls: Hls): void {
    let tracks: string | undefined
    hls.on(Events.BUFFER_CODECS, (_, data) => {
      const now = Object.keys(data).filter((key) => key !== 'tracks').sort().join()
      tracks ??= now
      if (now === tracks) return
      setTimeout(() => {
        if (hls !== this.hls) return
        this.events.leaving()
        this.load()
      })
    })
  }

  /** Goes on with the build of hls.js that reads captions; most streams have none. */
  private async readCaptions(hls: Hls): Promise<void> {
    this.Hls = (await import('hls.js')).default
    if (hls === this.hls) this.load()
  }

  unload(): void {
    this.hls?.destroy()
    this.hls = undefined
    if (!this.native) return
    this.video.removeAttribute('src')
    this.video.load() // lets go of what the old source had loaded
  }

  /** Plays with sound where the browser lets us, else without. */
  async play(): Promise<void> {
    try {
      await this.video.play()
    } catch (refused) {
      if (!(refused instanceof DOMException) || refused.name !== 'NotAllowedError' || this.video.muted) return
      this.video.muted = true
      await this.video.play().catch(() => undefined) // not even so: the play button is there
    }
    this.events.changed()
  }

  /** The viewer chose a moment of the past, or (pause) held the picture: leave them there. */
  leaveLive(pause: boolean): void {
    this.followsLive = false
    this.held = pause
    this.events.changed()
  }

  /** Jumps to what happens now, and plays. */
  toLive(): void {
    this.followsLive = true
    const position = this.livePosition
    if (position !== undefined) this.video.currentTime = position
    void this.play()
  }

  /** Seconds behind the position a viewer of live would have; 0 when unknown. */
  get behindLive(): number {
    const position = this.livePosition
    return position === undefined ? 0 : Math.max(0, position - this.video.currentTime)
  }

  /** The stream goes on: there is something new to see at its end. */
  get live(): boolean {
    return !this.finished && (this.hls?.latestLevelDetails?.live ?? true)
  }

  /** The viewer sees what happens now, give or take. */
  get atLive(): boolean {
    return !this.video.paused && this.behindLive < BEHIND_S
  }

  /**
   * How far the picture is behind what happens, in seconds: by the programme's own
   * clock (EXT-X-PROGRAM-DATE-TIME) when ours agrees with it, else by the playlist.
   */
  latency(now: number): number | undefined {
    if (!this.hls || !this.showing || !this.live) return undefined
    const shown = this.hls.playingDate?.getTime()
    if (shown !== undefined) {
      const s = (now - shown) / 1000
      if (Math.abs(s - this.hls.latency) < CLOCK_S) return s
    }
    return this.hls.latency > 0 ? this.hls.latency : undefined
  }

  /** The qualities to choose from, the best first. */
  get qualities(): Quality[] {
    return this.known
  }

  /** What the viewer chose. */
  get chosen(): number {
    if (this.listening) return AUDIO
    return this.hls?.autoLevelEnabled === false ? this.hls.manualLevel : AUTO
  }

  /** The level shown, -1 before the first. */
  get shown(): number {
    return this.hls?.currentLevel ?? -1
  }

  choose(level: number): void {
    const was = this.listening
    this.listening = level === AUDIO
    this.wanted = this.listening ? AUTO : level
    if (was || this.listening) this.load()
    else if (this.hls) this.hls.nextLevel = level
    this.events.qualities()
  }

  /** Notes what there is to choose from: what hls.js plays, and the list without a picture that it leaves out. */
  private list(levels: Level[], audioURL: string | undefined): void {
    this.audioURL = audioURL
    this.known = levels.map((l, level) => ({ level, label: labelOf(l, levels) })).reverse()
    if (audioURL && levels.some((l) => l.height > 0)) this.known.push({ level: AUDIO, label: 'Audio only' })
  }

  private get livePosition(): number | undefined {
    if (!this.live) return undefined
    if (this.hls) return this.hls.liveSyncPosition ?? undefined
    const { seekable } = this.video
    return seekable.length > 0 ? Math.max(0, seekable.end(seekable.length - 1) - 1) : undefined
  }

  /** Brings a viewer of live back to the edge after the phone slept or a long stall. */
  private follow(): void {
    if (this.followsLive && !this.video.paused && !this.video.seeking && this.behindLive > FOLLOW_S) this.toLive()
  }

  /** hls.js nudges a picture that stands still: only what is buffered tells whether it goes on. */
  private noteStall(): void {
    if (this.video.paused || this.video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) this.stalledAt = undefined
    else this.stalledAt ??= performance.now()
  }

  /** A viewer that moved to the end, or paused for a breath only, follows live again. */
  private rejoin(): void {
    if (this.live && this.behindLive < BEHIND_S) this.followsLive = true
  }

  private trouble(hls: Hls, data: ErrorData): void {
    if (!data.fatal || hls !== this.hls) return
    const now = performance.now()
    if (data.type === ErrorTypes.MEDIA_ERROR && now - this.healedAt > 5000) {
      this.healedAt = now
      hls.recoverMediaError()
      return
    }
    this.fail()
  }

  private fail(): void {
    this.failed = true
    this.listening = false
    this.events.leaving()
    this.unload()
    this.events.changed()
  }

  private end(): void {
    this.finished = true
    this.events.changed()
  }
}

/** What people call a level: 720p, 1080p60, Audio only; with the bitrate where two would be called the same. */
export function labelOf(level: Pick<Level, 'width' | 'height' | 'bitrate' | 'frameRate'>, all: Pick<Level, 'width' | 'height' | 'bitrate' | 'frameRate'>[]): string {
  if (!level.height) return 'Audio only'
  const lines = Math.min(level.width || level.height, level.height)
  const fast = level.frameRate > 45 ? Math.round(level.frameRate) : ''
  const twins = all.filter((l) => l.height === level.height && l.width === level.width).length > 1
  return `${lines}p${fast}${twins ? ` · ${(level.bitrate / 1e6).toFixed(1)} Mbit/s` : ''}`
}
