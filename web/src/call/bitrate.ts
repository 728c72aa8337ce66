/**
 * What of our picture a peer gets: in a mesh each member uploads once a peer, so
 * the more there are the less each gets; and where the line is bad it gets the
 * sound alone until the line is better.
 */

export interface Share {
  maxBitrate: number // bit/s
  scaleDown: number // of each side
}

/** The picture's share with this many peers. */
export function shareOf(peers: number, screen: boolean): Share {
  if (screen) return { maxBitrate: peers <= 2 ? 2_500_000 : 1_200_000, scaleDown: 1 }
  if (peers <= 1) return { maxBitrate: 2_000_000, scaleDown: 1 }
  if (peers === 2) return { maxBitrate: 1_000_000, scaleDown: 1.5 }
  if (peers === 3) return { maxBitrate: 650_000, scaleDown: 2 }
  return { maxBitrate: 450_000, scaleDown: 2 }
}

const BAD_AFTER_MS = 6000
const TRY_AGAIN_MS = 20_000
const LONGEST_PAUSE_MS = 120_000

/** What the path to a peer is like, as seen by the sender. */
export interface PathQuality {
  loss: number | undefined // of what we send, 0 to 1
  uplink: number | undefined // bit/s
}

/**
 * A BitrateController decides whether a peer gets our picture. Bad for 6 s: sound alone; after
 * 20 s it is tried again, and each time that fails the pause doubles, to 2 min.
 */
export class BitrateController {
  private badSince: number | undefined
  private resumeAt = 0
  private pause = TRY_AGAIN_MS
  private resumedAt: number | undefined
  picture = true

  /** Takes what is known now (ms); returns whether the picture goes out. */
  note(path: PathQuality, now: number): boolean {
    if (!this.picture) {
      if (now >= this.resumeAt) {
        this.picture = true
        this.badSince = undefined
        this.resumedAt = now
      }
      return this.picture
    }
    const bad = (path.loss ?? 0) > 0.25 || (path.uplink ?? Infinity) < 60_000
    if (!bad) {
      this.badSince = undefined
      if (this.resumedAt !== undefined && now - this.resumedAt > 2 * this.pause) this.pause = TRY_AGAIN_MS // it holds
      return true
    }
    this.badSince ??= now
    if (now - this.badSince < BAD_AFTER_MS) return true
    this.pause = this.resumedAt === undefined ? this.pause : Math.min(LONGEST_PAUSE_MS, this.pause * 2)
    this.picture = false
    this.resumeAt = now + this.pause
    return false
  }
}
