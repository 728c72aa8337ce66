import { make, setText } from '../element.ts'
import type { BoxFile } from '../files/box.ts'
import { bytes } from '../phrase.ts'
import { kindOf } from './kind.ts'

/** So much of a text is shown. */
const TEXT_BYTES = 64 << 10

/** Shows in a place what is in a file, where the browser can; else the place stays hidden. */
export async function preview(place: HTMLElement, file: BoxFile): Promise<void> {
  const kind = kindOf(file.type, navigator.pdfViewerEnabled)
  place.dataset['kind'] = kind
  const hide = (): void => {
    place.hidden = true // it is not what it says, or of a kind that this browser does not play
  }
  switch (kind) {
    case 'none':
      return
    case 'picture': {
      const image = make('img')
      image.alt = file.name
      image.decoding = 'async'
      image.addEventListener('error', hide)
      image.src = file.download
      place.replaceChildren(image)
      break
    }
    case 'video':
    case 'audio': {
      const player = make(kind)
      player.controls = true
      player.preload = 'metadata'
      player.setAttribute('aria-label', file.name)
      if (player instanceof HTMLVideoElement) player.playsInline = true
      player.addEventListener('error', hide)
      player.src = file.download
      place.replaceChildren(player)
      break
    }
    case 'pdf': {
      const frame = make('iframe')
      frame.title = file.name
      frame.src = file.download
      place.replaceChildren(frame)
      break
    }
    case 'text':
      if (!(await showText(place, file))) return
  }
  place.hidden = false
}

async function showText(place: HTMLElement, file: BoxFile): Promise<boolean> {
  if (file.size === 0) return false
  let text: string
  try {
    const answer = await fetch(file.download, { headers: { Range: `bytes=0-${TEXT_BYTES - 1}` } })
    if (!answer.ok) return false
    const start = new Uint8Array(await answer.arrayBuffer()).subarray(0, TEXT_BYTES)
    text = new TextDecoder().decode(start, { stream: true }) // the last character may be cut
  } catch {
    return false
  }
  const shown = make('pre')
  shown.tabIndex = 0 // so that it can be scrolled with the keys
  shown.setAttribute('role', 'region')
  shown.setAttribute('aria-label', `Beginning of ${file.name}`)
  setText(shown, text)
  place.replaceChildren(shown)
  if (file.size > TEXT_BYTES) place.append(make('p', 'more', `The first ${bytes(TEXT_BYTES)} of ${bytes(file.size)}. Download it to read on.`))
  return true
}
