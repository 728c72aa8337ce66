import './sheet.css'
import { make, svg } from '../element.ts'

/** Adds a dialog to the page: a title, a button that closes it as a click beside it does, and what else it is given. */
export function makeSheet(id: string, title: string, ...content: Node[]): HTMLDialogElement {
  const heading = make('h2', '', title)
  heading.id = `${id}-title`
  const close = make('button', 'close', svg(24, 'M6 6l12 12M18 6 6 18'))
  close.setAttribute('aria-label', 'Close')
  const top = make('form', 'sheet-top', heading, close)
  top.method = 'dialog'
  const sheet = make('dialog', 'sheet', top, ...content)
  sheet.id = id
  sheet.setAttribute('aria-labelledby', heading.id)
  sheet.addEventListener('click', (e) => e.target === sheet && sheet.close()) // on the backdrop
  document.body.append(sheet)
  return sheet
}
