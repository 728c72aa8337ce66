import type { Stream } from '../streams.ts'

/** What a shelf holds: one stream shown. */
export interface Item {
  readonly element: HTMLElement
  update(stream: Stream): void
  tick(): void
}

/**
 * A list of streams on the page. It keeps the element of each stream and moves
 * as little as possible, so that a refresh never flickers or takes the focus.
 */
export class Shelf {
  private readonly items = new Map<string, Item>()
  private readonly list: HTMLElement
  private readonly make: (stream: Stream) => Item

  constructor(list: HTMLElement, make: (stream: Stream) => Item) {
    this.list = list
    this.make = make
  }

  show(streams: Stream[]): void {
    const wanted = new Set(streams.map((s) => s.name))
    for (const [name, item] of this.items) {
      if (wanted.has(name)) continue
      item.element.remove()
      this.items.delete(name)
    }
    streams.forEach((stream, place) => {
      let item = this.items.get(stream.name)
      if (!item) {
        item = this.make(stream)
        this.items.set(stream.name, item)
      }
      item.update(stream)
      const there = this.list.children[place]
      if (there !== item.element) this.list.insertBefore(item.element, there ?? null)
    })
    this.list.dataset['count'] = String(streams.length)
  }

  /** Once a second: running times run on. */
  tick(): void {
    for (const item of this.items.values()) item.tick()
  }
}
