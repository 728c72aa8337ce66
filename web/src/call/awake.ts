/** Keeps the screen of a phone on during a call, where the browser can. */
export class Awake {
  private wanted = false
  private lock: WakeLockSentinel | undefined

  constructor() {
    document.addEventListener('visibilitychange', () => void this.take()) // it is lost whenever the page is hidden
  }

  set(on: boolean): void {
    this.wanted = on
    if (on) void this.take()
    else void this.lock?.release().catch(() => undefined)
  }

  private async take(): Promise<void> {
    if (!this.wanted || document.hidden || !('wakeLock' in navigator)) return
    try {
      this.lock = await navigator.wakeLock.request('screen')
    } catch {
      // low on battery, say: the call goes on without
    }
  }
}
