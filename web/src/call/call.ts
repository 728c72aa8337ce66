import '../look/page.css'
import './call.css'
import './prejoin.css'
import './tile.css'
import { showRenewal } from '../certificate/renewal.ts'
import { byId, setText } from '../element.ts'
import { shareSheet } from '../share/share.ts'
import { Awake } from '../awake.ts'
import { Bar } from './bar.ts'
import { nameOf } from './caption.ts'
import { MessageScreen } from './message-screen.ts'
import { Grid } from './grid.ts'
import { Media } from './media.ts'
import { Mesh } from './mesh.ts'
import { Meter, shown, SPEAKING } from './meter.ts'
import type { Peer } from './peer.ts'
import { Prejoin } from './prejoin.ts'
import { labelOf, linkOf, roomFrom, roomOf } from './room.ts'
import { sceneOfRefusal } from './scene.ts'
import { showSecureLinks } from './secure.ts'
import { SELF, viewsOf, type Seen } from './views.ts'
import { loadWishes, saveWishes } from './wishes.ts'

/*
 * The call page. #stage tells tests and scripts all they need: data-scene is the
 * Scene, data-peers how many others there are, data-online whether the line to the
 * server is whole, data-sid our id; its `peers` property holds the Peers by id, each
 * with its RTCPeerConnection. Each tile has its peer's id and state as data, too.
 */
const stage = byId<HTMLElement & { peers?: ReadonlyMap<string, Peer> }>('stage')
const room = roomHere()
const wishes = loadWishes()
const meter = new Meter()
const media = new Media(wishes, mediaChanged)
const grid = new Grid(byId('tiles'))
const bar = new Bar(media, leave)
const prejoin = new Prejoin(media, meter, wishes, join)
const messages = new MessageScreen({ again: () => void retry(), pass: tryPass, room: goTo })
const awake = new Awake()
const seen: Seen = { connected: new Set(), speaking: new Set() }
const spokeAt = new Map<string, number>() // performance.now() of when each was last heard

let pass = new URLSearchParams(location.search).get('pass') ?? ''
let mesh: Mesh | undefined

if (room !== '') {
  document.title = `${labelOf(room)} · Call · PSE`
  for (const name of document.querySelectorAll('.room-name')) name.textContent = labelOf(room)
  shareSheet(['Invite to the call', 'this call'], () => document.title, linkOf(new URL(location.href), room))
  for (const id of ['share-too', 'share-alone']) byId(id).addEventListener('click', () => byId('share').click())
  messages.show('prejoin')
  void showSecureLinks()
  void showRenewal()
  void media.start()
} else {
  messages.show('ask', roomOf(new URL(location.href)) === '' ? '' : 'A name needs at least one message or digit.')
}

setInterval(() => void mesh?.tick().then(update), 1000)
setInterval(listen, 100)
addEventListener('pagehide', () => mesh?.leave())
addEventListener('pageshow', (e) => e.persisted && location.reload()) // connections do not survive the way back
addEventListener('hashchange', () => roomHere() !== room && location.reload())
byId('skip').addEventListener('click', (e) => {
  e.preventDefault() // the hash may be the room
  stage.focus()
})

/** The room of this address, which may have been typed; empty when it names none. */
function roomHere(): string {
  return roomFrom(roomOf(new URL(location.href)))
}

function goTo(name: string): void {
  location.assign(linkOf(new URL(location.href), name))
}

function join(name: string): void {
  wishes.name = name
  saveWishes(wishes)
  messages.show('joining')
  mesh = new Mesh(room, { name, pass: () => pass, relayOnly: wishes.relayOnly }, media, {
    entered,
    came: (peer) => say(`${called(peer)} joined`),
    left: (peer) => say(`${called(peer)} left`),
    refused,
    full: () => out('full'),
    closed: () => out('elsewhere'),
    changed: update,
  })
  mesh.enter()
  update()
}

function entered(): void {
  if (messages.scene !== 'call') {
    const n = mesh?.peers.size ?? 0
    say(n === 0 ? 'You are the first' : `You are in, with ${n} other${n === 1 ? '' : 's'}`)
    awake.set(true)
    messages.show('call')
  }
  update()
}

function refused(code: unknown, why: string): void {
  const scene = sceneOfRefusal(code)
  const wrong = scene === 'passphrase' && pass !== ''
  out(scene, scene === 'refused' || scene === 'ask' ? why : wrong ? 'That was not it. Try again.' : '')
}

function out(scene: Parameters<MessageScreen['show']>[0], text = ''): void {
  awake.set(false)
  if (scene !== 'passphrase') void media.stop()
  messages.show(scene, text)
}

function leave(): void {
  mesh?.leave()
  mesh = undefined
  out('ended')
  update()
}

function tryPass(tried: string): void {
  pass = tried
  messages.show('joining')
  mesh?.enter()
}

async function retry(): Promise<void> {
  mesh?.leave()
  messages.show('joining')
  await media.start()
  join(wishes.name)
}

function mediaChanged(): void {
  mesh?.updateTracks()
  update()
}

/** Everything that can be seen, from what is. */
function update(): void {
  prejoin.update()
  bar.update()
  stage.dataset['peers'] = String(mesh?.peers.size ?? 0)
  stage.dataset['online'] = String(mesh?.online ?? false)
  stage.dataset['sid'] = mesh?.you ?? ''
  stage.dataset['audio'] = String(media.state.audio)
  stage.dataset['video'] = String(media.state.video)
  if (!mesh) return
  stage.peers = mesh.peers
  const inCall = messages.scene === 'call'
  byId('offline').hidden = !inCall || mesh.online
  const talking = [...mesh.peers.values()].some((p) => p.connection.connectionState === 'connected')
  setText(byId('offline'), talking ? 'No line to the box. The call goes on; reconnecting…' : 'The connection is lost. Reconnecting…')
  byId('alone').hidden = !inCall || mesh.peers.size > 0
  if (messages.scene === 'joining') setText(byId('message-screen-text'), mesh.tried ? 'The box does not answer. Trying again…' : '')
  if (inCall) grid.show(viewsOf(mesh, media, { name: wishes.name, speaking: seen.speaking.has(SELF) }, seen))
}

/** Ten times a second: which members speak. */
function listen(): void {
  if (messages.scene === 'prejoin') prejoin.tick()
  if (messages.scene !== 'call' || !mesh) return
  meter.hear(media.audio)
  heard(SELF, media.state.audio ? meter.level() : 0)
  for (const peer of mesh.peers.values()) heard(peer.id, peer.sends.audio ? shown(peer.level) : 0)
}

function heard(id: string, level: number): void {
  const now = performance.now()
  if (level > SPEAKING) spokeAt.set(id, now)
  const speaks = now - (spokeAt.get(id) ?? -Infinity) < 600 // the pauses between words are not silence
  if (speaks === seen.speaking.has(id)) return
  if (speaks) seen.speaking.add(id)
  else seen.speaking.delete(id)
  update()
}

function called(peer: Peer): string {
  return nameOf(peer.name, peer.id, [peer, ...(mesh?.peers.values() ?? [])].filter((p, i, all) => all.indexOf(p) === i))
}

/** For people who do not see the tiles. */
function say(text: string): void {
  setText(byId('said'), text)
}
