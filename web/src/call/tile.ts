import { make, setText } from '../element.ts'
import { initials } from './caption.ts'
import { icon, setIcon } from './icon.ts'
import { crop, type Box } from './layout.ts'
import { describe, type Quality } from './quality.ts'

/** What a tile shows. */
export interface View {
  name: string
  stream: MediaStream
  self: boolean
  mirrored: boolean
  audio: boolean
  video: boolean
  screen: boolean
  speaking: boolean
  /** Said over the tile: that there is no line yet, or none now. */
  waiting: string
  /** Said beside the name: what is wrong with the line. */
  note: string
  quality: Quality | undefined
  connection: string
  /** It has no line to the server. */
  away: boolean
}

/** One person of the call: the picture, or messages, the name, and how the line is. */
export class Tile {
  readonly element = make('li', 'tile')
  private readonly video = make('video')
  private readonly messages = make('span', 'messages')
  private readonly face = make('div', 'face', this.messages)
  private readonly name = make('span', 'tile-name')
  private readonly note = make('span', 'tile-note')
  private readonly muted = make('span', 'tile-muted', icon('mic-off'), make('span', 'visually-hidden', 'muted'))
  private readonly bars = icon('bars')
  private readonly path = make('span', 'tile-path')
  private readonly words = make('span', 'visually-hidden')
  private readonly line = make('span', 'tile-line', this.bars, this.path, this.words)
  private readonly cover = make('p', 'tile-cover')
  private box: Box = { x: 0, y: 0, width: 0, height: 0 }

  constructor(id: string) {
    this.element.dataset['peer'] = id
    this.video.autoplay = true
    this.video.playsInline = true
    this.video.addEventListener('resize', () => this.fit())
    this.face.setAttribute('aria-hidden', 'true')
    this.element.append(this.face, this.video, this.cover, make('div', 'tile-label', this.muted, this.name, this.note), this.line)
  }

  show(v: View): void {
    const { element, video } = this
    if (video.srcObject !== v.stream) {
      video.muted = v.self // our own voice is not played back to us
      video.srcObject = v.stream
    }
    if (video.paused && v.stream.getTracks().length > 0) void video.play().catch(() => undefined) // played on the next touch
    const data = element.dataset
    data['self'] = String(v.self)
    data['audio'] = String(v.audio)
    data['video'] = String(v.video)
    if (data['screen'] !== String(v.screen)) {
      data['screen'] = String(v.screen)
      this.fit()
    }
    data['mirrored'] = String(v.mirrored)
    data['speaking'] = String(v.speaking)
    data['connection'] = v.connection
    data['away'] = String(v.away)
    data['quality'] = v.quality?.grade ?? ''
    data['path'] = v.quality?.path ?? ''
    setText(this.messages, initials(v.name))
    this.face.hidden = v.name === ''
    setText(this.name, v.self ? (v.screen ? 'Your screen' : 'You') : v.screen ? `${v.name}’s screen` : v.name)
    setText(this.note, v.note)
    setText(this.cover, v.waiting)
    this.cover.hidden = v.waiting === ''
    this.muted.hidden = v.audio
    this.line.hidden = v.quality === undefined || v.quality.grade === 'unknown'
    if (!v.quality) return
    setIcon(this.bars, `bars-${v.quality.grade}`)
    setText(this.path, v.quality.path === 'unknown' ? '' : v.quality.path === 'relay' ? 'Relay' : 'Direct')
    setText(this.words, describe(v.quality))
    if (this.line.title !== describe(v.quality)) this.line.title = describe(v.quality)
  }

  put(box: Box, floating: boolean): void {
    const { x, y, width, height } = box
    const { style } = this.element
    this.box = box
    this.fit()
    style.translate = `${x}px ${y}px`
    style.width = `${width}px`
    style.height = `${height}px`
    this.element.toggleAttribute('data-floating', floating)
    this.element.toggleAttribute('data-small', width < 200 || height < 130)
  }

  /** Sound that the browser held back is played: the person has touched the page. */
  wake(): void {
    if (this.video.paused) void this.video.play().catch(() => undefined)
  }

  /** The picture in the tile; a screen is shown whole. */
  private fit(): void {
    const picture = { width: this.video.videoWidth, height: this.video.videoHeight }
    const { width, height } = this.element.dataset['screen'] === 'true' ? this.box : crop(this.box, picture)
    this.video.style.width = `${width}px`
    this.video.style.height = `${height}px`
  }

  remove(): void {
    this.video.srcObject = null
    this.element.remove()
  }
}
