import { place } from './layout.ts'
import { Tile, type View } from './tile.ts'

/** The tiles of the call, on a stage of any shape. Our own one is the last. */
export class Grid {
  private readonly tiles = new Map<string, Tile>()
  private readonly list: HTMLElement
  private shown = -1

  constructor(list: HTMLElement) {
    this.list = list
    new ResizeObserver(() => this.arrange()).observe(list)
    document.addEventListener('pointerdown', () => this.tiles.forEach((t) => t.wake()))
    document.addEventListener('keydown', () => this.tiles.forEach((t) => t.wake()))
  }

  /** Shows these, in this order; tiles of others go. */
  show(views: ReadonlyMap<string, View>): void {
    let moved = false
    for (const [id, tile] of this.tiles) {
      if (views.has(id)) continue
      tile.remove()
      this.tiles.delete(id)
      moved = true
    }
    for (const [id, view] of views) {
      let tile = this.tiles.get(id)
      if (!tile) {
        tile = new Tile(id)
        this.tiles.set(id, tile)
        this.list.append(tile.element)
        moved = true
      }
      tile.show(view)
    }
    const order = [...views.keys()]
    const shown = [...views.values()].findIndex((v) => v.screen && !v.self)
    if (!moved && shown === this.shown && order.every((id, i) => this.list.children[i] === this.tiles.get(id)?.element)) return
    this.shown = shown
    for (const id of order) {
      const { element } = this.tiles.get(id)!
      if (this.list.children[order.indexOf(id)] !== element) this.list.insertBefore(element, this.list.children[order.indexOf(id)] ?? null)
    }
    this.arrange()
  }

  private arrange(): void {
    const inOrder = [...this.list.children].map((e) => this.tiles.get((e as HTMLElement).dataset['peer'] ?? '')).filter((t) => t !== undefined)
    const { boxes, floating } = place(inOrder.length, this.list.clientWidth, this.list.clientHeight, this.shown)
    inOrder.forEach((tile, i) => boxes[i] && tile.put(boxes[i], floating && i === inOrder.length - 1))
  }
}
