import { make, setText } from '../element.ts'
import { clock, count } from '../phrase.ts'
import { watchPageOf, type Stream } from '../streams.ts'
import { Picture } from './picture.ts'
import type { Item } from './shelf.ts'

/** A stream that is on: poster, state, how long, how many watch. */
export class LiveCard implements Item {
  readonly element = make('li', 'card')
  private readonly picture = new Picture()
  private readonly badge = make('span', 'badge')
  private readonly uptime = make('span', 'uptime numbers')
  private readonly name = make('span', 'name')
  private readonly facts = make('span', 'facts numbers')
  private readonly link = make('a')
  private startedAt = 0

  constructor(stream: Stream) {
    this.link.href = stream.watch || watchPageOf(stream.name)
    this.uptime.setAttribute('aria-hidden', 'true') // it changes each second
    this.picture.element.append(this.badge, this.uptime)
    this.link.append(this.picture.element, make('span', 'caption', this.name, this.facts))
    this.element.append(this.link)
  }

  update(stream: Stream): void {
    this.startedAt = stream.started_at
    this.badge.dataset['state'] = stream.state
    setText(this.badge, stream.state === 'grace' ? 'Reconnecting' : 'Live')
    setText(this.name, stream.name)
    setText(this.facts, [count(stream.viewers, 'viewer'), size(stream), trailing(stream)].filter(Boolean).join(' · '))
    this.picture.show(stream.poster ?? stream.thumb, true)
    this.tick()
  }

  tick(): void {
    setText(this.uptime, clock(Date.now() - this.startedAt))
  }
}

function size({ width, height }: Stream): string {
  return width && height ? `${Math.min(width, height)}p` : ''
}

/** What whoever publishes should know: viewers are behind by as much. */
function trailing({ state, sound_trails: by = 0 }: Stream): string {
  if (state !== 'live' || Math.abs(by) < 500) return ''
  return `${by > 0 ? 'sound' : 'picture'} comes ${(Math.abs(by) / 1000).toFixed(1)} s late`
}
