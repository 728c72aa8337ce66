import { make, setText } from '../element.ts'
import { ago, length } from '../phrase.ts'
import { watchPageOf, type Stream } from '../streams.ts'
import { Picture } from './picture.ts'
import type { Item } from './shelf.ts'

/** A stream that has ended: small picture, when, how long it was. */
export class PastRow implements Item {
  readonly element = make('li')
  private readonly picture = new Picture()
  private readonly name = make('span', 'name')
  private readonly facts = make('span', 'facts')
  private readonly link = make('a')
  private stream: Stream

  constructor(stream: Stream) {
    this.stream = stream
    this.link.href = stream.watch || watchPageOf(stream.name)
    this.link.append(this.picture.element, make('span', 'caption', this.name, this.facts))
    this.element.append(this.link)
  }

  update(stream: Stream): void {
    this.stream = stream
    setText(this.name, stream.name)
    this.picture.show(stream.thumb ?? stream.poster, false)
    this.tick()
  }

  tick(): void {
    const { started_at, ended_at = started_at } = this.stream
    setText(this.facts, `Ended ${ago(Date.now() - ended_at)} · ran ${length(ended_at - started_at)}`)
  }
}
