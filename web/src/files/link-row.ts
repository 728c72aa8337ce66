import { make, setText } from '../element.ts'
import { ended, endWords, nameOf, type Link } from './link.ts'

/** One link in the list of a file's. */
export class LinkRow {
  readonly element = make('li', 'file')
  private readonly name = make('h3', 'name')
  private readonly facts = make('p', 'facts numbers')
  private readonly share = button('share')
  private readonly revoke = button('revoke')

  constructor(act: { share(): void; revoke(): void }) {
    this.share.addEventListener('click', act.share)
    this.revoke.addEventListener('click', act.revoke)
    this.element.append(make('div', 'file-words', this.name, this.facts), make('div', 'file-buttons', this.share, this.revoke))
  }

  update(link: Link, now: number): void {
    const name = nameOf(link)
    const over = ended(link, now)
    this.element.dataset['state'] = over ? 'ended' : 'works'
    setText(this.name, name)
    setText(this.facts, endWords(link, now))
    if (over && document.activeElement === this.share) this.revoke.focus()
    this.share.hidden = over
    label(this.share, 'Share', name)
    label(this.revoke, over ? 'Remove' : 'Take back', name)
  }

  /** Whether the focus is in this row. */
  get focused(): boolean {
    return this.element.contains(document.activeElement)
  }

  focus(): void {
    this.revoke.focus()
  }
}

function button(action: string): HTMLButtonElement {
  const made = make('button', 'button small')
  made.type = 'button'
  made.dataset['action'] = action
  return made
}

function label(of: HTMLButtonElement, words: string, name: string): void {
  setText(of, words)
  const spoken = `${words}: ${name}`
  if (of.getAttribute('aria-label') !== spoken) of.setAttribute('aria-label', spoken)
}
