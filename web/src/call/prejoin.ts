import { byId, make, setText } from '../element.ts'
import type { Device } from './devices.ts'
import { setIcon } from './icon.ts'
import type { Media } from './media.ts'
import type { Meter } from './meter.ts'
import { troubleWords, type Trouble } from './trouble.ts'
import type { Wishes } from './wishes.ts'

/** The look into the mirror before a call: picture, level, devices, name. */
export class Prejoin {
  private readonly preview = byId<HTMLVideoElement>('preview')
  private readonly cameras = byId<HTMLSelectElement>('cameras')
  private readonly microphones = byId<HTMLSelectElement>('microphones')
  private readonly name = byId<HTMLInputElement>('your-name')
  private readonly media: Media
  private readonly meter: Meter

  constructor(media: Media, meter: Meter, wishes: Wishes, join: (name: string) => void) {
    this.media = media
    this.meter = meter
    this.name.value = wishes.name
    byId('pre-mic').addEventListener('click', () => void media.setAudio(!media.state.audio))
    byId('pre-cam').addEventListener('click', () => void media.setVideo(!media.camera))
    this.cameras.addEventListener('change', () => void media.choose('video', this.cameras.value))
    this.microphones.addEventListener('change', () => void media.choose('audio', this.microphones.value))
    byId('try-again').addEventListener('click', () => void media.start())
    byId('join-form').addEventListener('submit', (e) => {
      e.preventDefault()
      join(this.name.value.trim())
    })
  }

  update(): void {
    const { media } = this
    const stream = media.camera ? media.stream : null // a stream without tracks would keep the page loading for ever
    if (this.preview.srcObject !== stream) this.preview.srcObject = stream
    this.preview.hidden = stream === null
    this.preview.toggleAttribute('data-mirrored', media.mirrored)
    if (this.preview.paused && media.camera) void this.preview.play().catch(() => undefined)
    setText(byId('preview-words'), media.videoOn && !media.trouble.video ? 'Starting the camera…' : 'Your camera is off')
    byId('preview-words').hidden = media.camera !== undefined
    toggle('pre-mic', media.state.audio, 'mic', 'microphone')
    toggle('pre-cam', media.camera !== undefined, 'cam', 'camera')
    choices(this.cameras, media.devices.cameras, media.camera)
    choices(this.microphones, media.devices.microphones, media.audio)
    this.troubles()
    const mute = !media.audio && !media.camera && (media.trouble.audio || media.trouble.video)
    setText(byId('join'), mute ? 'Join to watch and listen' : 'Join')
  }

  /** Many times a second. */
  tick(): void {
    const { audio, audioOn } = this.media
    this.meter.hear(audio)
    const level = audioOn && audio ? this.meter.level() : 0
    byId('level').style.setProperty('--level', level.toFixed(3))
    byId('level').dataset['level'] = level.toFixed(3)
  }

  private troubles(): void {
    const { audio, video } = this.media.trouble
    const box = byId('device-trouble')
    const worst: Trouble | undefined = audio ?? video
    box.hidden = worst === undefined
    box.dataset['trouble'] = worst ?? ''
    if (!worst) return
    const what = audio && video ? 'camera or microphone' : audio ? 'microphone' : 'camera'
    const [title, text] = troubleWords(worst, what)
    setText(byId('device-trouble-title'), title)
    setText(byId('device-trouble-text'), text)
    byId('secure-links').hidden = worst !== 'insecure'
    byId('try-again').hidden = worst === 'insecure' || worst === 'unsupported'
  }
}

/** A button that turns something on and off says which it does. */
export function toggle(id: string, on: boolean, sign: string, noun: string): void {
  const button = byId(id)
  const label = `${on ? 'Turn off' : 'Turn on'} ${noun}`
  if (button.getAttribute('aria-label') !== label) button.setAttribute('aria-label', label)
  button.dataset['on'] = String(on)
  setIcon(button, on ? sign : `${sign}-off`)
}

function choices(select: HTMLSelectElement, devices: readonly Device[], track: MediaStreamTrack | undefined): void {
  const named = devices.filter((d) => d.id !== '')
  select.parentElement!.hidden = named.length === 0
  const current = track?.getSettings().deviceId ?? ''
  const built = JSON.stringify(named)
  if (select.dataset['built'] !== built) {
    select.dataset['built'] = built
    select.replaceChildren(
      ...named.map((d) => {
        const option = make('option', '', d.label)
        option.value = d.id
        return option
      }),
    )
  }
  if (current && select.value !== current) select.value = current
}
