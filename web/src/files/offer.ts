import { byId, make, setText } from '../element.ts'
import { bytes, count } from '../phrase.ts'
import type { Shared } from './shared.ts'

/** Names that are shown; of more it is said how many. */
const NAMED = 10

export interface OfferHooks {
  send(all: readonly Shared[]): void
  drop(all: readonly Shared[]): void
  /** The question is gone, and the focus with it. */
  answered(): void
}

/** What was shared with this app and waits for the person's word. */
export class Offer {
  private readonly hooks: OfferHooks
  private all: readonly Shared[] = []

  constructor(hooks: OfferHooks) {
    this.hooks = hooks
    byId('offer-yes').addEventListener('click', () => this.end(hooks.send))
    byId('offer-no').addEventListener('click', () => this.end(hooks.drop))
  }

  show(all: readonly Shared[]): void {
    this.all = all
    byId('offer').hidden = all.length === 0
    if (all.length === 0) return
    setText(byId('offer-title'), all.length === 1 ? 'Send this file?' : `Send these ${count(all.length, 'file')}?`)
    const lines = all.slice(0, NAMED).map(({ file }) => make('li', '', make('span', 'name', file.name || 'file'), ` · ${bytes(file.size)}`))
    if (all.length > NAMED) lines.push(make('li', '', `and ${(all.length - NAMED).toLocaleString('en')} more`))
    byId('offer-list').replaceChildren(...lines)
    byId('offer-title').focus()
  }

  private end(how: (all: readonly Shared[]) => void): void {
    const { all } = this
    this.show([])
    how(all)
    this.hooks.answered()
  }
}
