import './share.css'
import { encode } from 'uqr'
import { byId } from '../element.ts'

/** The dialog with this page's link: QR code, copy, and the phone's own share sheet. */
export function shareSheet(title: () => string, url = location.origin + location.pathname): void {
  const sheet = byId<HTMLDialogElement>('sheet')
  const link = byId<HTMLInputElement>('link')
  const copy = byId<HTMLButtonElement>('copy')
  const send = byId<HTMLButtonElement>('send')

  byId('share').addEventListener('click', () => {
    link.value = url
    if (!byId('qr').firstChild) byId('qr').append(drawQR(url))
    sheet.showModal()
  })
  sheet.addEventListener('click', (e) => e.target === sheet && sheet.close()) // on the backdrop
  byId('local').hidden = !onlyHere(location.hostname)

  link.addEventListener('focus', () => link.select())
  copy.addEventListener('click', async () => {
    copy.textContent = (await copyText(link)) ? 'Copied' : 'Press Ctrl+C'
    setTimeout(() => (copy.textContent = 'Copy link'), 2000)
  })

  send.hidden = typeof navigator.share !== 'function'
  send.addEventListener('click', () => void navigator.share({ title: title(), url }).catch(() => undefined)) // the person changed their mind
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
