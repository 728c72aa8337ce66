import '../look/page.css'
import './watch.css'
import './controls.ts'
import type Hls from 'hls.js/light'
import { byId, setText } from '../element.ts'
import { behind, clock, count } from '../phrase.ts'
import { Poll } from '../poll.ts'
import { shareSheet } from '../share/share.ts'
import { getStream, nameOf, playlistOf, type Stream } from '../streams.ts'
import { Patience } from './patience.ts'
import { Player } from './player.ts'
import { QualityMenu } from './quality.ts'
import { sceneOf, words, type Answer, type Scene } from './scene.ts'

/*
 * The watch page. #stage tells tests and scripts all they need: data-scene is the
 * Scene, data-latency the seconds behind what happens, and its `hls` property the
 * hls.js instance of now (a new one after each restart of the source).
 */
const stage = byId<HTMLDivElement & { hls?: Hls | undefined }>('stage')
const video = byId<HTMLVideoElement>('video')
const name = nameOf(location.pathname)

let stream: Stream | undefined
let answer: Answer = 'unknown'
let playing = 0 // started_at of the stream the player was loaded for
let shownBefore = false
let poll: Poll | undefined
let took = 0 // ms, for the last answer
const patience = new Patience()

const player = new Player(video, playlistOf(name), { changed: update, leaving: keepFrame, qualities: () => quality.update() })
const quality = new QualityMenu(player)

byId('name').textContent = name
document.title = `${name} · PSE`
shareSheet(['Watch on another screen', 'this page'], () => document.title)
byId('to-live').addEventListener('click', () => player.toLive())
byId('unmute').addEventListener('click', () => {
  video.muted = false
  if (video.volume === 0) video.volume = 1
  void player.play()
})
byId('controls').addEventListener('mediaseekrequest', () => player.leaveLive(video.paused))
byId('controls').addEventListener('mediapauserequest', () => player.leaveLive(true))
if ('mediaSession' in navigator) navigator.mediaSession.metadata = new MediaMetadata({ title: name, artist: 'PSE' })
video.addEventListener('loadedmetadata', fit)
video.addEventListener('resize', fit)

player.load() // at once: most who come here come for a stream that is live
poll = new Poll(ask, () => Math.max(document.hidden ? 5000 : 0, patience.pause(stage.dataset['scene'] as Scene, took)))
setInterval(tick, 500)

async function ask(): Promise<void> {
  const asked = performance.now()
  try {
    stream = await getStream(name, waited())
    answer = stream?.state ?? 'absent'
  } catch {
    answer = 'unreachable' // and what we knew of the stream stays
  }
  took = performance.now() - asked
  const on = answer === 'live' || answer === 'grace'
  const started = stream?.started_at ?? 0
  if (playing === 0) playing = started // the one that was loaded before we knew
  if (on && (!player.loaded || started !== playing)) {
    playing = started
    player.load()
  }
  update()
}

/** What the server need not say again: while nobody publishes it answers when somebody does. */
function waited(): 'absent' | 'grace' | 'ended' | undefined {
  const scene = stage.dataset['scene'] as Scene
  return (scene === 'soon' || scene === 'ended' || scene === 'grace') && (answer === 'absent' || answer === 'grace' || answer === 'ended') ? answer : undefined
}

function update(): void {
  const { showing, finished } = player
  shownBefore ||= showing
  stage.hls = player.instance
  const scene = sceneOf({ answer, showing, finished, shownBefore })
  if (stage.dataset['scene'] !== scene) setScene(scene)
  byId('unmute').hidden = scene !== 'playing' || !video.muted
  facts()
}

function setScene(scene: Scene): void {
  stage.dataset['scene'] = scene
  byId('controls').inert = scene !== 'playing' // the overlay hides them from the eye: hide them from the keyboard too
  if (scene === 'playing') return
  if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) keepFrame()
  const [title, text] = words[scene]
  setText(byId('message-screen-title'), title)
  setText(byId('message-screen-text'), text)
  void poll?.now()
  const poster = byId<HTMLImageElement>('poster')
  if (byId('frame').hidden && stream?.poster && !poster.src) {
    poster.addEventListener('load', () => (poster.hidden = false))
    poster.src = stream.poster
  }
}

/** Twice a second: what runs on by itself. */
function tick(): void {
  const live = byId('to-live')
  live.toggleAttribute('data-at-live', player.atLive)
  live.hidden = !player.live
  setText(byId('live-word'), player.atLive ? 'Live' : 'Back to live')
  const latency = player.latency(Date.now())
  byId('latency').hidden = latency === undefined
  setText(byId('seconds'), latency === undefined ? '' : behind(latency))
  stage.dataset['latency'] = latency?.toFixed(3) ?? ''
  update()
}

function facts(): void {
  const badge = byId('badge')
  const state = stream?.state
  badge.hidden = state === undefined
  badge.dataset['state'] = state ?? ''
  setText(badge, state === 'grace' ? 'Reconnecting' : state === 'ended' ? 'Ended' : 'Live')
  setText(byId('viewers'), stream && state !== 'ended' ? count(stream.viewers, 'viewer') : '')
  const end = stream?.ended_at ?? 0
  setText(byId('uptime'), stream ? `${state === 'ended' ? 'ran ' : ''}${clock((end || Date.now()) - stream.started_at)}` : '')
}

/** The last picture stays, dimmed, behind the words that say why there is none. */
function keepFrame(): void {
  if (video.videoWidth === 0) return
  const frame = byId<HTMLCanvasElement>('frame')
  frame.width = Math.min(960, video.videoWidth)
  frame.height = Math.round((frame.width * video.videoHeight) / video.videoWidth)
  frame.getContext('2d')?.drawImage(video, 0, 0, frame.width, frame.height)
  frame.hidden = false
}

/** The stage takes the stream's shape: phones are often held upright. */
function fit(): void {
  if (video.videoWidth > 0) byId('main').style.setProperty('--ratio', String(video.videoWidth / video.videoHeight))
}
