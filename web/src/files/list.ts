import type { BoxFile } from './box.ts'
import { viewOf, type Action, type Entry, type Sent } from './entry.ts'
import { Row } from './row.ts'

/** The files on the page. It keeps the row of each and moves as little as possible. */
export class FileList<S extends Sent> {
  private readonly rows = new Map<string, { row: Row; entry: Entry<S> }>()
  private readonly list: HTMLElement
  private readonly act: (action: Action, entry: Entry<S>) => void

  constructor(list: HTMLElement, act: (action: Action, entry: Entry<S>) => void) {
    this.list = list
    this.act = act
  }

  show(entries: readonly Entry<S>[], now: number): void {
    const wanted = new Set(entries.map((e) => e.key))
    for (const [key, { row }] of this.rows) {
      if (wanted.has(key)) continue
      const next = row.focused ? (row.element.nextElementSibling ?? row.element.previousElementSibling) : undefined
      row.element.remove()
      this.rows.delete(key)
      if (next !== undefined) this.focus(next)
    }
    entries.forEach((entry, place) => {
      let shown = this.rows.get(entry.key)
      if (!shown) {
        shown = { entry, row: new Row((action) => this.act(action, this.rows.get(entry.key)!.entry)) }
        this.rows.set(entry.key, shown)
      }
      shown.entry = entry
      shown.row.update(viewOf(entry, now))
      this.place(shown.row, place)
    })
  }

  /** Gives the focus to what one can do with a file. */
  focusOn(file: BoxFile, action: Action): void {
    for (const { row, entry } of this.rows.values()) if (entry.file?.upload === file.upload) return row.focus(action)
    this.list.focus()
  }

  /** Moves a row to its place; a moved element loses the focus, so it gets it back. */
  private place(row: Row, place: number): void {
    const there = this.list.children[place]
    if (there === row.element) return
    const had = row.focused ? (document.activeElement as HTMLElement) : undefined
    this.list.insertBefore(row.element, there ?? null)
    had?.focus()
  }

  /** The row of an element gets the focus; without one the list does. */
  private focus(element: Element | null): void {
    for (const { row } of this.rows.values()) if (row.element === element) return row.focus()
    this.list.focus()
  }
}
