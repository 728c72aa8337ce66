import { make, setText } from '../element.ts'
import type { Action, View } from './entry.ts'

const labels: Record<Action, string> = {
  pause: 'Pause',
  resume: 'Go on',
  retry: 'Try again',
  choose: 'Choose file',
  share: 'Share',
  open: 'Open',
  links: 'Links',
  cancel: 'Cancel',
  delete: 'Delete',
}

/**
 * One file on the page. Its buttons stay the same elements whatever they are
 * for, so that the focus stays where it is; it goes along when what the button
 * with it was for has moved to another.
 */
export class Row {
  readonly element = make('li', 'file')
  private readonly name = make('h3', 'name')
  private readonly facts = make('p', 'facts numbers')
  private readonly bar = make('progress', 'bar-of-progress')
  private readonly buttons = make('div', 'file-buttons')
  private readonly act: (action: Action) => void

  constructor(act: (action: Action) => void) {
    this.act = act
    this.bar.max = 1
    this.element.append(make('div', 'file-words', this.name, this.facts), this.bar, this.buttons)
  }

  update(view: View): void {
    this.element.dataset['state'] = view.state
    setText(this.name, view.name)
    this.name.title = view.name
    setText(this.facts, view.words)
    this.bar.hidden = view.done === undefined
    if (view.done !== undefined) {
      this.bar.value = view.done
      this.bar.setAttribute('aria-label', view.name)
    }
    this.show(view)
  }

  /** Whether the focus is in this row. */
  get focused(): boolean {
    return this.element.contains(document.activeElement)
  }

  /** Focuses the button of an action, or else the last one. */
  focus(action?: Action): void {
    ;(this.buttonFor(action) ?? (this.buttons.lastElementChild as HTMLElement | null))?.focus()
  }

  private buttonFor(action: string | undefined): HTMLElement | undefined {
    return ([...this.buttons.children] as HTMLElement[]).find((b) => b.dataset['action'] === action)
  }

  private show({ actions, name, page }: View): void {
    const { children } = this.buttons
    const { focused } = this
    const before = focused ? (document.activeElement as HTMLElement).dataset['action'] : undefined
    actions.forEach((action, i) => {
      const wanted = action === 'open' ? 'A' : 'BUTTON'
      let button = children[i] as HTMLElement | undefined
      if (button?.tagName !== wanted) {
        const made = action === 'open' ? this.link() : this.button()
        if (button) button.replaceWith(made)
        else this.buttons.append(made)
        button = made
      }
      if (button instanceof HTMLAnchorElement && button.getAttribute('href') !== page) button.href = page
      if (button.dataset['action'] === action && button.dataset['name'] === name) return
      button.dataset['action'] = action
      button.dataset['name'] = name
      setText(button, labels[action])
      button.setAttribute('aria-label', `${labels[action]}: ${name}`)
    })
    while (children.length > actions.length) children[children.length - 1]!.remove()
    const same = this.buttonFor(before)
    if (same) same.focus()
    else if (focused && !this.focused) this.focus()
  }

  private button(): HTMLElement {
    const button = make('button', 'button small')
    button.type = 'button'
    button.addEventListener('click', () => this.act(button.dataset['action'] as Action))
    return button
  }

  private link(): HTMLElement {
    return make('a', 'button small')
  }
}
