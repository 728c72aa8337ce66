/** Poll asks again and again, one question at a time. */
export class Poll {
  private timer: ReturnType<typeof setTimeout> | undefined
  private stopped = false
  private asking = false
  private repeat = false // whether to ask once more, at once
  private readonly ask: () => Promise<void>
  private readonly pause: () => number | undefined

  /**
   * ask must not throw; pause says how many ms to wait after it, or undefined to
   * wait until the page is looked at again.
   */
  constructor(ask: () => Promise<void>, pause: () => number | undefined) {
    this.ask = ask
    this.pause = pause
    document.addEventListener('visibilitychange', this.seen)
    addEventListener('online', this.now)
    addEventListener('pageshow', this.seen)
    void this.now()
  }

  /** Asks at once, unless a question is open. */
  readonly now = async (): Promise<void> => {
    if (this.asking || this.stopped) return
    clearTimeout(this.timer)
    this.asking = true
    try {
      await this.ask()
    } finally {
      this.asking = false
    }
    const pause = this.repeat ? 0 : this.pause()
    this.repeat = false
    if (!this.stopped && pause !== undefined) this.timer = setTimeout(this.now, pause)
  }

  /** Asks at once, and once more when a question is open: what that brings may be old. */
  readonly again = (): void => {
    this.repeat = this.asking
    void this.now()
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
    document.removeEventListener('visibilitychange', this.seen)
    removeEventListener('online', this.now)
    removeEventListener('pageshow', this.seen)
  }

  private readonly seen = (): void => {
    if (!document.hidden) void this.now()
  }
}
