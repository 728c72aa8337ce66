import { AUDIO, AUTO, type Player } from './player.ts'
import { byId, setText } from '../element.ts'

interface MenuItem extends HTMLElement {
  type: string
  value: string
  checked: boolean
}

/** The menu of qualities: automatic and each level there is. */
export class QualityMenu {
  private readonly menu = byId('quality')
  private readonly button = byId('quality-button')
  private readonly player: Player
  private built = ''

  constructor(player: Player) {
    this.player = player
    this.menu.addEventListener('change', () => player.choose(Number((this.menu as MenuItem).value)))
  }

  update(): void {
    const { qualities, chosen, shown } = this.player
    this.button.hidden = qualities.length < 2
    const label = qualities.find((q) => q.level === (chosen === AUTO ? shown : chosen))?.label ?? ''
    byId('listening').hidden = chosen !== AUDIO
    setText(byId('quality-word'), label === '' ? 'Auto' : label)
    this.button.setAttribute('aria-label', `Quality: ${chosen === AUTO ? `automatic, ${label}` : label}`)

    const wanted = JSON.stringify([qualities, chosen, shown])
    if (wanted === this.built) return
    this.built = wanted
    const auto = chosen === AUTO && label !== '' ? `Auto (${label})` : 'Auto'
    this.menu.replaceChildren(
      item(String(AUTO), auto, chosen === AUTO),
      ...qualities.map((q) => item(String(q.level), q.label, q.level === chosen)),
    )
  }
}

function item(value: string, text: string, checked: boolean): MenuItem {
  const made = document.createElement('media-chrome-menu-item') as MenuItem
  made.type = 'radio'
  made.value = value
  made.checked = checked
  made.textContent = text
  return made
}
