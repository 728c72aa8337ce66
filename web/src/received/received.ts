import '../look/page.css'
import './received.css'
import { Unreachable } from '../ask.ts'
import { byId, setText } from '../element.ts'
import { getFile, type BoxFile } from '../files/box.ts'
import { Rate } from '../files/rate.ts'
import { Refused } from '../files/refused.ts'
import { ago, bytes, left, length } from '../phrase.ts'
import { Poll } from '../poll.ts'
import { shareSheet } from '../share/share.ts'
import { nameOf } from '../streams.ts'
import { preview } from './preview.ts'
import { sceneOf, words, type Answer, type Scene } from './scene.ts'

/* The page of whoever gets a file. The scene of #stage says what it shows. */
const stage = byId('stage')
const id = nameOf(location.pathname)

/** How long to wait before the box is asked again, in each scene, ms. */
const pauses: Record<Scene, number> = { asking: 1000, sending: 1000, checking: 1500, ready: 60_000, damaged: 60_000, gone: 60_000, away: 1500 }

let file: BoxFile | undefined
let rate: Rate | undefined
let shown = false // whether the preview is

shareSheet(['Whoever has the link gets the file', 'the file'], () => file?.name ?? '')
new Poll(ask, () => (document.hidden ? undefined : pause()))

async function ask(): Promise<void> {
  let answer: Answer
  try {
    answer = file = await getFile(id)
  } catch (error) {
    if (error instanceof Refused) answer = 'absent'
    else if (error instanceof Unreachable) answer = 'unreachable'
    else throw error
  }
  enter(sceneOf(answer, file))
}

function pause(): number {
  const scene = stage.dataset['scene'] as Scene
  const next = scene === 'ready' && !file?.sha256 ? 2000 : pauses[scene] // the hash comes some time after the file
  const left = (file?.expiresAt ?? Infinity) - Date.now() // at its end the box is asked whether it is gone
  return left > 0 ? Math.min(next, left + 500) : next
}

function enter(scene: Scene): void {
  const before = stage.dataset['scene']
  stage.dataset['scene'] = scene
  for (const part of document.querySelectorAll<HTMLElement>('[data-in]')) part.hidden = !part.dataset['in']!.split(' ').includes(scene)
  if (scene === 'asking' || scene === 'gone' || scene === 'away') {
    const [title, text] = words[scene]
    setText(byId('words-title'), title)
    setText(byId('words-text'), text)
    document.title = `${title} · PSE`
    return
  }
  if (!file) return
  facts(file)
  if (scene === 'sending') progress(file)
  if (before !== scene) setText(byId('said'), scene === 'ready' && before === 'sending' ? 'All of it has arrived' : '')
  if (scene === 'ready' && !shown) {
    shown = true
    void preview(byId('preview'), file)
  }
}

function facts(f: BoxFile): void {
  document.title = `${f.name} · PSE`
  setText(byId('name'), f.name)
  const now = Date.now()
  const whole = f.state === 'complete'
  const when = `${whole ? 'sent' : 'begun'} ${ago(now - (f.completedAt ?? f.createdAt))}`
  const until = whole && f.expiresAt ? `gone in ${length(f.expiresAt - now)}` : ''
  setText(byId('facts'), [f.size >= 0 ? bytes(f.size) : '', when, until].filter(Boolean).join(' · '))
  const download = byId<HTMLAnchorElement>('download')
  const href = `${f.download}?download=1`
  if (download.getAttribute('href') !== href) download.href = href
  download.download = f.name
  byId('whole').hidden = !whole || !f.sha256
  setText(byId('sha256'), f.sha256)
}

/** How far the sender is. */
function progress(f: BoxFile): void {
  const now = performance.now()
  rate ??= new Rate(f.offset, now)
  rate.reach(f.offset, now)
  const bar = byId<HTMLProgressElement>('progress')
  if (f.size >= 0) bar.value = f.size > 0 ? f.offset / f.size : 1
  const time = f.size >= 0 ? rate.left(f.size - f.offset) : undefined
  const { speed } = rate
  const moving = speed !== undefined && speed >= 1
  setText(
    byId('progress-words'),
    [f.size >= 0 ? `${bytes(f.offset)} of ${bytes(f.size)}` : bytes(f.offset), moving ? `${bytes(speed)}/s` : '', time === undefined ? '' : left(time)].filter(Boolean).join(' · '),
  )
}
