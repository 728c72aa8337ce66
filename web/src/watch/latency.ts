/*
 * Keeps a viewer of low-latency live close to the edge, and no closer than is safe.
 *
 * What protects from a stall is the least that was buffered ahead in the last two
 * seconds: the cushion. Starting takes a moment, stalls and outages take more, and
 * each leaves the viewer later than need be, with a cushion that is thicker than need
 * be. Then the picture runs a little faster (the voice keeps its pitch) until the
 * cushion is as thick as wanted. Each stall makes the wanted cushion thicker; quiet
 * minutes thin it again. (hls.js's own catching up stops at one second of buffer.)
 */

const SAMPLE_MS = 100
const WINDOW = 20 // samples: 2 s
const STALL_S = 0.3 // what a stall adds to the wanted cushion
const MOST_S = 1.5
const EMPTY_S = 0.2 // less ahead than this and it was the buffer that ran out
const QUIET_MS = 60_000 // after so long without a stall the cushion thins by THIN_S
const THIN_S = 0.15

/** How fast to play with so much more than the wanted cushion, in seconds. */
export function rateFor(excess: number): number {
  if (excess < 0.08) return 1
  if (excess < 0.25) return 1.03
  if (excess < 0.8) return 1.06
  if (excess < 2) return 1.1
  return 1.2
}

/** The cushion to want at first, in seconds: the parts that may be on the way when one is late. */
export function cushionFor(partTarget: number): number {
  return 0.1 + 3 * partTarget
}

export class LatencyController {
  private readonly samples: number[] = []
  private extra = 0
  private calmSince = performance.now()
  private readonly video: HTMLVideoElement
  private readonly partTarget: () => number | undefined

  /** partTarget gives PART-TARGET in seconds while the viewer is to be kept at the live edge, else undefined. */
  constructor(video: HTMLVideoElement, partTarget: () => number | undefined) {
    this.video = video
    this.partTarget = partTarget
    video.addEventListener('waiting', () => this.stalled())
    video.addEventListener('seeking', () => (this.samples.length = 0))
    setInterval(() => this.sample(), SAMPLE_MS)
  }

  private stalled(): void {
    if (this.samples.length === 0) return // it has only just begun to play
    if (this.ahead() > EMPTY_S) return // the machine was too slow, not the network
    this.extra = Math.min(MOST_S, this.extra + STALL_S)
    this.calmSince = performance.now()
    this.samples.length = 0
  }

  private sample(): void {
    const { video, samples } = this
    const part = this.partTarget()
    if (part === undefined || video.paused || video.seeking || video.buffered.length === 0) {
      samples.length = 0
      if (!video.seeking) this.setRate(1)
      return
    }
    if (video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) return // stalled: there is no cushion to speak of
    samples.push(this.ahead())
    if (samples.length <= WINDOW) return
    samples.shift()

    const now = performance.now()
    if (now - this.calmSince > QUIET_MS) {
      this.calmSince = now
      this.extra = Math.max(0, this.extra - THIN_S)
    }
    this.setRate(rateFor(Math.min(...samples) - cushionFor(part) - this.extra))
  }

  private ahead(): number {
    const { buffered, currentTime } = this.video
    return buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime
  }

  private setRate(rate: number): void {
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate
  }
}
