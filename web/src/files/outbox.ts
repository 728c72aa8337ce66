import { Sending, type Phase, type SendingHooks } from './sending.ts'

/** So many files go at once: one alone often waits for answers, many get in each other's way. */
const LANES = 3

/** Those that may start now: in order, as many as there are lanes. */
export function due<T extends { phase: Phase }>(all: readonly T[], lanes = LANES): T[] {
  const busy = all.filter((s) => s.phase === 'sending').length
  return all.filter((s) => s.phase === 'waiting').slice(0, Math.max(0, lanes - busy))
}

/** The files that are being sent from this page. */
export class Outbox {
  readonly all: Sending[] = []
  private readonly hooks: SendingHooks
  private gate = false

  constructor(hooks: SendingHooks) {
    this.hooks = hooks
    addEventListener('online', () => this.hurry())
    addEventListener('beforeunload', (e) => {
      if (this.busy) e.preventDefault()
    })
  }

  /** Whether something is on its way, or will be by itself. */
  get busy(): boolean {
    return this.all.some((s) => s.open)
  }

  /** Whether anything may be sent now. */
  set opened(on: boolean) {
    this.gate = on
    this.pump()
  }

  add(files: readonly File[]): void {
    for (const file of files) {
      this.all.push(new Sending(file, { ...this.hooks, changed: () => this.changed() }))
    }
    this.changed()
  }

  remove(sending: Sending): void {
    const at = this.all.indexOf(sending)
    if (at >= 0) this.all.splice(at, 1)
    this.changed()
  }

  /** The network, or the box, is back: no need to wait longer. */
  hurry(): void {
    for (const s of this.all) s.hurry()
  }

  tick(now: number): void {
    for (const s of this.all) s.tick(now)
  }

  private changed(): void {
    this.pump()
    this.hooks.changed()
  }

  private pump(): void {
    if (!this.gate) return
    for (const s of due(this.all)) if (s.phase === 'waiting') void s.start()
  }
}
