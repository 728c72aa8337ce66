import { encode } from 'uqr'
import { byId, make, setText, svg } from '../element.ts'
import { onlyHere, reachable } from './address.ts'
import { makeSheet } from './sheet.ts'

const COPY = 'Copy link'

/** The dialog with a link: QR code, copy, and the phone's own share sheet. */
export class ShareSheet {
  private readonly sheet: HTMLDialogElement
  private readonly qr = make('div', 'qr')
  private readonly note = make('p', 'aside')
  private readonly local = make('p', 'aside')
  private readonly link = make('input', 'link')
  private readonly copy = makeButton('copy', 'button primary', COPY)
  private title = ''

  /** subject is what the link leads to: "the file". */
  constructor(title: string, subject: string) {
    const { qr, note, local, link, copy } = this
    qr.id = 'qr'
    qr.setAttribute('role', 'img')
    qr.setAttribute('aria-label', `QR code of ${subject}'s link`)
    note.id = 'note'
    local.textContent =
      "This link works only on this machine. Open the page by the box's network address to share it."
    local.id = 'local'
    link.id = 'link'
    link.readOnly = true
    link.setAttribute('aria-label', 'Link')
    link.addEventListener('focus', () => link.select())
    copy.addEventListener('click', async () => {
      copy.textContent = (await copyText(link)) ? 'Copied' : 'Press Ctrl+C'
      setTimeout(() => (copy.textContent = COPY), 2000)
    })
    const send = makeButton('send', 'button', 'Send…')
    send.hidden = typeof navigator.share !== 'function'
    send.addEventListener('click', () => void navigator.share({ title: this.title, url: link.value }).catch(() => undefined)) // the person changed their mind
    this.sheet = makeSheet('sheet', title, qr, note, local, link, make('div', 'sheet-buttons', copy, send))
  }

  /** note is what else there is to say of the link. */
  show(url: string, title: string, note = ''): void {
    this.lead(url)
    void reachable(url).then((better) => this.link.value === url && this.lead(better)) // unless it shows another by now
    this.title = title
    setText(this.note, note)
    this.note.hidden = note === ''
    this.sheet.showModal()
  }

  /** Shows a link. A code is for another device: there is none of what works only on this one. */
  private lead(url: string): void {
    const local = onlyHere(new URL(url).hostname)
    if (this.link.value !== url) this.qr.replaceChildren(...(local ? [] : [drawQR(url)]))
    this.link.value = url
    this.qr.hidden = local
    this.local.hidden = !local
  }
}

/** The sheet of this page's own link, behind its #share button. */
export function shareSheet(words: readonly [title: string, subject: string], title: () => string, url = location.origin + location.pathname): void {
  const sheet = new ShareSheet(...words)
  byId('share').addEventListener('click', () => sheet.show(url, title()))
}

/** A page on plain http:// may not use the clipboard: there the text is selected and copied the old way. */
async function copyText(field: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(field.value)
    return true
  } catch {
    field.focus()
    field.select()
    return document.execCommand('copy')
  }
}

function drawQR(text: string): SVGSVGElement {
  const { data, size } = encode(text, { ecc: 'M', border: 2 })
  const drawing = svg(size, data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join(''))
  drawing.setAttribute('shape-rendering', 'crispEdges')
  return drawing
}

function makeButton(id: string, look: string, words: string): HTMLButtonElement {
  const button = make('button', look, words)
  button.id = id
  button.type = 'button'
  return button
}
