import type { Scene } from './scene.ts'

/** How long to wait before the server is asked again, in each scene, ms. */
const pauses: Record<Scene, number> = { playing: 3000, connecting: 500, grace: 1000, soon: 1000, ended: 1000, away: 1000 }

/** Scenes that may last for hours: nothing happens until somebody comes. */
const lasting: ReadonlySet<Scene> = new Set(['soon', 'ended', 'away'])

const MOST = 15_000 // ms

/** How long to wait before the server is asked again: the longer nothing has changed the longer. */
export class Patience {
  private scene: Scene | undefined
  private times = 0

  /** The pause after an answer that took so many ms. A server that has waited itself is asked again at once. */
  pause(scene: Scene, took: number): number {
    if (scene !== this.scene) this.times = 0
    this.scene = scene
    if (!lasting.has(scene)) return pauses[scene]
    if (took >= 3000 && scene !== 'away') return 100
    return Math.min(MOST, pauses[scene] * 1.5 ** this.times++)
  }
}
