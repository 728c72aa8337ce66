/** Keeps the screen of a phone on while something goes on that would end with it, where the browser can. */
export class Awake {
  private wanted = false
  private lock: WakeLockSentinel | undefined

  constructor() {
    document.addEventListener('visibilitychange', () => void this.take()) // it is lost whenever the page is hidden
  }

  set(on: boolean): void {
    if (on === this.wanted) return
    this.wanted = on
    if (on) void this.take()
    else void this.lock?.release().catch(() => undefined)
  }

  private async take(): Promise<void> {
    if (!this.wanted || document.hidden || !('wakeLock' in navigator)) return
    try {
      this.lock = await navigator.wakeLock.request('screen')
      if (!this.wanted) await this.lock.release() // it was no longer wanted before it was there
    } catch {
      // low on battery, say: it goes on without
    }
  }
}
