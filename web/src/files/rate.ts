const MEMORY_MS = 4000 // how long a change of speed takes to show
const STEP_MS = 250 // what comes sooner counts as one

/**
 * How fast an amount grows, smoothed: what is newer weighs more, and a burst
 * does not make the time left jump.
 */
export class Rate {
  private at: number
  private amount: number
  private level = 0 // bytes per ms, not yet weighed
  private weight = 0 // of what is known, towards 1

  constructor(amount: number, now: number) {
    this.amount = amount
    this.at = now
  }

  /** The amount there is now. */
  reach(amount: number, now: number): void {
    const passed = now - this.at
    if (passed < STEP_MS) return
    const keep = Math.exp(-passed / MEMORY_MS)
    this.level = this.level * keep + (Math.max(0, amount - this.amount) / passed) * (1 - keep)
    this.weight = this.weight * keep + (1 - keep)
    this.amount = amount
    this.at = now
  }

  /** Bytes a second; undefined until enough is known to say it. */
  get speed(): number | undefined {
    return this.weight < 0.2 ? undefined : (this.level / this.weight) * 1000
  }

  /** Milliseconds for as many bytes more; undefined when nobody can tell. */
  left(more: number): number | undefined {
    const { speed } = this
    return speed === undefined || speed < 1 ? undefined : (more / speed) * 1000
  }
}
