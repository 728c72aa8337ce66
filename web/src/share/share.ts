import './share.css'
import { encode } from 'uqr'
import { byId } from '../element.ts'

/** The dialog with a link: QR code, copy, and the phone's own share sheet. */
export class ShareSheet {
  private readonly sheet = byId<HTMLDialogElement>('sheet')
  private readonly link = byId<HTMLInputElement>('link')
  private title = ''

  constructor() {
    const { sheet, link } = this
    const copy = byId<HTMLButtonElement>('copy')
    const send = byId<HTMLButtonElement>('send')
    sheet.addEventListener('click', (e) => e.target === sheet && sheet.close()) // on the backdrop
    byId('local').hidden = !onlyHere(location.hostname)

    link.addEventListener('focus', () => link.select())
    copy.addEventListener('click', async () => {
      copy.textContent = (await copyText(link)) ? 'Copied' : 'Press Ctrl+C'
      setTimeout(() => (copy.textContent = 'Copy link'), 2000)
    })

    send.hidden = typeof navigator.share !== 'function'
    send.addEventListener('click', () => void navigator.share({ title: this.title, url: link.value }).catch(() => undefined)) // the person changed their mind
  }

  show(url: string, title: string): void {
    if (this.link.value !== url) byId('qr').replaceChildren(drawQR(url))
    this.link.value = url
    this.title = title
    this.sheet.showModal()
  }
}

/** The sheet of this page's own link, behind its #share button. */
export function shareSheet(title: () => string, url = location.origin + location.pathname): void {
  const sheet = new ShareSheet()
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

/** The host names that mean "this machine" everywhere. */
export function onlyHere(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host.startsWith('127.') || host === '[::1]'
}

function drawQR(text: string): SVGSVGElement {
  const { data, size } = encode(text, { ecc: 'M', border: 2 })
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`)
  svg.setAttribute('shape-rendering', 'crispEdges')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join(''))
  svg.append(path)
  return svg
}
