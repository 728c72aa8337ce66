import { byId, setText } from '../element.ts'
import { roomOrFresh } from './room.ts'
import { words, type Scene } from './scene.ts'

/** The scenes that are words, a field and a button. */
export class MessageScreen {
  private readonly stage = byId('stage')

  constructor(hands: { again(): void; pass(pass: string): void; room(room: string): void }) {
    byId('again').addEventListener('click', () => hands.again())
    byId('pass-form').addEventListener('submit', (e) => {
      e.preventDefault()
      hands.pass(byId<HTMLInputElement>('pass').value)
    })
    const field = byId<HTMLInputElement>('room-name')
    byId('room-form').addEventListener('submit', (e) => {
      e.preventDefault()
      hands.room(roomOrFresh(field.value))
    })
  }

  get scene(): Scene {
    return this.stage.dataset['scene'] as Scene // '' before the first
  }

  /** Shows a scene; text takes the place of its usual words. */
  show(scene: Scene, text = ''): void {
    const before = this.scene
    this.stage.dataset['scene'] = scene
    for (const part of document.querySelectorAll<HTMLElement>('[data-in]')) {
      part.hidden = !part.dataset['in']!.split(' ').includes(scene)
    }
    if (scene !== 'ask' && scene !== 'prejoin' && scene !== 'call') {
      setText(byId('message-screen-title'), words[scene].title)
      setText(byId('message-screen-text'), text || words[scene].text)
      const again = byId('again')
      again.hidden = !words[scene].again
      setText(again, words[scene].again ?? '')
    }
    if (scene === 'ask') {
      byId('room-trouble').hidden = text === ''
      setText(byId('room-trouble'), text)
    }
    if (before && scene !== before) this.focus(scene) // not when the page opens: it begins at its top
  }

  /** The keyboard goes on where the person does. */
  private focus(scene: Scene): void {
    const at: Partial<Record<Scene, string>> = { passphrase: 'pass', ask: 'room-name', call: 'tiles', prejoin: 'join' }
    byId(at[scene] ?? 'message-screen-title').focus({ preventScroll: true })
  }
}
