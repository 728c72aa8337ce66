import '../look/page.css'
import './home.css'
import { roomOrFresh } from '../call/room.ts'
import { showRenewal } from '../certificate/renewal.ts'
import { byId, setText } from '../element.ts'
import { acceptShared } from '../files/shared.ts'
import { count } from '../phrase.ts'
import { Poll } from '../poll.ts'
import { listStreams, type Stream } from '../streams.ts'
import { LiveCard } from './live-card.ts'
import { PastRow } from './past-row.ts'
import { addressOf, publishing } from './publish.ts'
import { Shelf } from './shelf.ts'

const live = new Shelf(byId('live-cards'), (s) => new LiveCard(s))
const past = new Shelf(byId('ended-list'), (s) => new PastRow(s))
let failures = 0

new Poll(refresh, () => (document.hidden ? undefined : failures > 0 ? 1500 : 3000))
setInterval(() => {
  if (document.hidden) return
  live.tick()
  past.tick()
}, 1000)
new Poll(publishAddress, () => (document.hidden ? undefined : 30_000))
acceptShared()
void showRenewal()
byId('copy').hidden = !navigator.clipboard // a page on plain http:// may not write it
byId('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(byId('address').textContent)
  setText(byId('copy'), 'Copied')
  setTimeout(() => setText(byId('copy'), 'Copy'), 2000)
})
byId('call-form').addEventListener('submit', (e) => {
  e.preventDefault()
  location.assign(`/call/${roomOrFresh(byId<HTMLInputElement>('call-room').value)}`)
})

async function refresh(): Promise<void> {
  try {
    show(await listStreams())
    failures = 0
  } catch {
    failures++
  }
  byId('trouble').hidden = failures < 2 // one lost answer is not worth a word
}

function show(streams: Stream[]): void {
  const on = streams.filter((s) => s.state !== 'ended').sort((a, b) => b.started_at - a.started_at)
  const off = streams.filter((s) => s.state === 'ended').sort((a, b) => (b.ended_at ?? 0) - (a.ended_at ?? 0))
  live.show(on)
  past.show(off.slice(0, 8))
  byId('live').hidden = on.length === 0
  byId('empty').hidden = on.length > 0
  byId('ended').hidden = off.length === 0

  const watching = on.reduce((sum, s) => sum + s.viewers, 0)
  byId('total').hidden = on.length < 2 // the card of an only stream says it
  setText(byId('total'), `${count(watching, 'viewer')}`)
  setText(byId('said'), on.length === 0 ? 'Nothing is live' : `${count(on.length, 'stream')} live`)
  document.title = on.length === 0 ? 'PSE' : `(${on.length}) Live on PSE`
}

async function publishAddress(): Promise<void> {
  const to = await publishing()
  setText(byId('address'), addressOf(location.hostname || 'localhost', to))
  byId('full').hidden = !to.full
}
