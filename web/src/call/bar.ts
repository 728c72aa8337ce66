import { byId } from '../element.ts'
import type { Media } from './media.ts'
import { toggle } from './prejoin.ts'

/** The buttons of a call. */
export class Bar {
  private readonly media: Media

  constructor(media: Media, leave: () => void) {
    this.media = media
    byId('mic').addEventListener('click', () => void media.setAudio(!media.state.audio))
    byId('cam').addEventListener('click', () => void media.setVideo(!media.camera))
    byId('switch').addEventListener('click', () => void media.switchCamera())
    byId('screen').addEventListener('click', () => void media.share(media.screen === undefined))
    byId('leave').addEventListener('click', leave)
  }

  update(): void {
    const { media } = this
    toggle('mic', media.state.audio, 'mic', 'microphone')
    toggle('cam', media.camera !== undefined, 'cam', 'camera')
    byId('switch').hidden = !media.canSwitch || !media.camera
    const screen = byId('screen')
    screen.hidden = !media.canShareScreen
    screen.dataset['on'] = String(media.screen !== undefined)
    screen.setAttribute('aria-label', media.screen ? 'Stop showing the screen' : 'Show the screen')
  }
}
