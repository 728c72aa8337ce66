import { make } from '../element.ts'

const REFRESH_MS = 10_000 // how often a stream makes a new poster

/**
 * A stream's poster that renews itself. A new picture is loaded aside and swapped
 * in when it is whole; until there is a first one a drawn sun stands in.
 */
export class Picture {
  readonly element = make('div', 'picture')
  private readonly image = make('img')
  private url = ''
  private loadedAt = 0
  private loading = false

  constructor() {
    this.image.alt = ''
    this.image.decoding = 'async'
    this.image.hidden = true
    this.element.append(this.image)
  }

  /** Shows the newest picture at url; fresh says that it may change by itself. */
  show(url: string | undefined, fresh: boolean): void {
    if (!url || this.loading) return
    const now = Date.now()
    if (url === this.url && (!fresh || now - this.loadedAt < REFRESH_MS)) return
    void this.load(url, now)
  }

  private async load(url: string, now: number): Promise<void> {
    this.loading = true
    const next = new Image()
    next.src = `${url}${url.includes('?') ? '&' : '?'}t=${Math.floor(now / REFRESH_MS)}`
    try {
      await next.decode()
      this.image.src = next.src
      this.image.hidden = false
      this.element.style.setProperty('--poster', `url("${next.src}")`)
      this.element.toggleAttribute('data-tall', next.naturalHeight > next.naturalWidth)
      this.url = url
      this.loadedAt = now
    } catch {
      this.loadedAt = now - REFRESH_MS / 2 // none yet, or the box is away: the last one stays
    } finally {
      this.loading = false
    }
  }
}
