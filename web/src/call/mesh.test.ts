import { beforeEach, expect, test, vi } from 'vitest'
import type { Media } from './media.ts'
import { Mesh, type CallListener } from './mesh.ts'
import type { RoomListener, Entry } from './signalling.ts'

// Stands in for the server: keeps what was said, and lets the test be the room.
const line = vi.hoisted(() => ({ said: [] as { to: string; payload: object }[], heard: [] as string[], listener: undefined as unknown }))
vi.mock('./signalling.ts', () => ({
  Signalling: class {
    constructor(_room: string, _who: object, listener: unknown) {
      line.listener = listener
    }
    enter() {}
    leave() {}
    send(payload: object, to: string) {
      line.said.push({ to, payload })
    }
    hears(id: string) {
      line.heard.push(id)
    }
  },
}))

class FakeConnection extends EventTarget {
  connectionState: RTCPeerConnectionState = 'new'
  signalingState: RTCSignalingState = 'stable'
  localDescription: RTCSessionDescriptionInit | null = null
  remoteDescription: RTCSessionDescriptionInit | null = null
  configured: RTCConfiguration[] = []
  added: unknown[] = []
  restarts = 0
  bytes = 0
  async getStats() {
    return new Map([['in', { type: 'inbound-rtp', bytesReceived: this.bytes }]])
  }
  addTransceiver(what: unknown) {
    if (this.added.push(what) === 1) queueMicrotask(() => this.dispatchEvent(new Event('negotiationneeded')))
  }
  getTransceivers() {
    return []
  }
  getSenders() {
    return []
  }
  async setLocalDescription() {
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer'
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable'
    this.localDescription = { type, sdp: 'ours' }
  }
  async setRemoteDescription(d: RTCSessionDescriptionInit) {
    this.signalingState = d.type === 'offer' ? 'have-remote-offer' : 'stable'
    this.remoteDescription = d
  }
  async addIceCandidate() {}
  setConfiguration(c: RTCConfiguration) {
    this.configured.push({ ...c })
  }
  restartIce() {
    this.restarts++
  }
  close() {
    this.signalingState = 'closed'
  }
  become(state: RTCPeerConnectionState) {
    this.connectionState = state
    this.dispatchEvent(new Event('connectionstatechange'))
  }
}

vi.stubGlobal('RTCPeerConnection', FakeConnection)
vi.stubGlobal('MediaStream', class {
  getTracks() {
    return []
  }
})

const log: string[] = []
const listener: CallListener = {
  entered: () => log.push('entered'),
  came: (p) => log.push(`${p.name} came`),
  left: (p) => log.push(`${p.name} left`),
  refused: (code) => log.push(`refused: ${String(code)}`),
  full: () => log.push('full'),
  closed: () => log.push('closed'),
  changed: () => undefined,
}
const state = { audio: true, video: true, screen: false }
const media = { audio: undefined, video: undefined, screen: undefined, stream: new MediaStream(), state } as unknown as Media
const entry = (change: Partial<Entry> = {}): Entry => ({ you: 'me', members: [], listed: true, ice: [], ...change })

function start(first = entry()) {
  const mesh = new Mesh('room', { name: '', pass: () => '', relayOnly: false }, media, listener)
  const room = line.listener as RoomListener
  room.entered(first)
  const connection = (id: string) => mesh.peers.get(id)?.connection as unknown as FakeConnection
  return { mesh, room, connection }
}

const settle = () => new Promise((done) => setTimeout(done))

beforeEach(() => {
  log.length = 0
  line.said.length = 0
  line.heard.length = 0
})

test('the member that was there first offers, the newcomer waits', async () => {
  const { room, connection } = start(entry({ members: [{ id: 'ann', name: 'Ann' }] }))
  room.came({ id: 'ben', name: 'Ben' })
  await settle()
  expect(connection('ann').added).toEqual([])
  expect(connection('ben').added).toEqual(['audio', 'video'])
  expect(line.said).toEqual([{ to: 'ben', payload: { type: 'offer', sdp: 'ours', v: 2 } }])
  expect(log).toEqual(['entered', 'Ben came'])
})

test('an offer is answered; only a modern peer is told what is on', async () => {
  const { room } = start(entry({ members: [{ id: 'ann', name: 'Ann' }, { id: 'old', name: '' }] }))
  room.onMessage({ type: 'offer', sdp: 'theirs', modern: true, was: undefined, anew: false }, 'ann')
  room.onMessage({ type: 'offer', sdp: 'theirs', modern: false, was: undefined, anew: false }, 'old')
  await settle()
  const types = (id: string) => line.said.filter((s) => s.to === id).map((s) => (s.payload as { type: string }).type)
  expect(types('ann')).toEqual(['answer', 'state'])
  expect(types('old')).toEqual(['answer'])
})

test('a stranger is heard only where the server lists nobody', () => {
  const offer = { type: 'offer', sdp: 'theirs', modern: false, was: undefined, anew: false } as const
  const listed = start()
  listed.room.onMessage(offer, 'late')
  expect(listed.mesh.peers.size).toBe(0)
  const helios = start(entry({ listed: false }))
  helios.room.onMessage(offer, 'ann')
  expect([...helios.mesh.peers.keys()]).toEqual(['ann'])
})

test('a member that comes back under a new id takes its ghost away, but no present member', () => {
  const { room, mesh, connection } = start(entry({ members: [{ id: 'ben', name: 'Ben' }, { id: 'new', name: 'Ben' }] }))
  connection('ben').become('connected')
  room.onMessage({ type: 'answer', sdp: 'theirs', modern: true, was: 'ben', anew: false }, 'new')
  expect([...mesh.peers.keys()]).toEqual(['ben', 'new'])
  connection('ben').become('disconnected')
  expect([...mesh.peers.keys()]).toEqual(['new'])
  expect(log).toEqual(['entered', 'Ben left'])
})

test('forgotten by the server, all connections are made anew, and the others told who we were', async () => {
  const { room, mesh, connection } = start(entry({ members: [{ id: 'ann', name: 'Ann' }] }))
  const before = connection('ann')
  room.entered(entry({ you: 'me2', members: [{ id: 'ann', name: 'Ann' }] }))
  expect(before.signalingState).toBe('closed')
  expect(connection('ann')).not.toBe(before)
  room.onMessage({ type: 'offer', sdp: 'theirs', modern: true, was: undefined, anew: false }, 'ann')
  await settle()
  expect(line.said[0]).toEqual({ to: 'ann', payload: { type: 'answer', sdp: 'ours', v: 2, was: 'me' } })
  expect(mesh.you).toBe('me2')
})

test('a member whose line to the server broke keeps its connection, and an old one is heard for the server', async () => {
  const { room, mesh, connection } = start(entry({ members: [{ id: 'ann', name: 'Ann', away: true }, { id: 'old', name: '' }] }))
  const old = connection('old')
  room.setAway('old', true)
  room.setAway('stranger', true)
  for (const c of [old, connection('ann')]) c.become('connected')
  mesh.peers.get('ann')!.modern = true // it comes back by itself
  expect([...mesh.peers.values()].map((p) => p.away)).toEqual([true, true])
  for (const bytes of [100, 100, 200]) {
    old.bytes = connection('ann').bytes = bytes
    await mesh.tick()
  }
  expect(line.heard).toEqual(['old'])
  old.become('disconnected')
  await mesh.tick()
  room.setAway('old', false)
  old.become('connected')
  for (old.bytes = 300; old.bytes < 500; old.bytes += 100) await mesh.tick()
  expect(line.heard).toEqual(['old'])
  expect(connection('old')).toBe(old)
  expect(mesh.peers.get('old')!.away).toBe(false)
})

test('a failed line is mended by ICE restarts, once the server can be reached', async () => {
  vi.useFakeTimers()
  const { room, connection } = start()
  room.came({ id: 'ben', name: 'Ben' })
  await vi.advanceTimersByTimeAsync(0)
  const c = connection('ben')
  room.onMessage({ type: 'answer', sdp: 'theirs', modern: true, was: undefined, anew: false }, 'ben')
  await vi.advanceTimersByTimeAsync(0)
  room.setOnline(false)
  c.become('failed')
  await vi.advanceTimersByTimeAsync(5000)
  expect(c.restarts).toBe(0)
  room.setOnline(true)
  expect(c.restarts).toBe(1)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(c.restarts).toBe(3)
  c.become('connected')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(c.restarts).toBe(3)
  vi.useRealTimers()
})

test('of two modern peers the first restarts, asked by the other; an old one asks nobody', async () => {
  const { room, mesh, connection } = start(entry({ members: [{ id: 'ann', name: 'Ann' }, { id: 'old', name: '' }] }))
  room.onMessage({ type: 'offer', sdp: 'theirs', modern: true, was: undefined, anew: false }, 'ann')
  room.onMessage({ type: 'offer', sdp: 'theirs', modern: false, was: undefined, anew: false }, 'old')
  await settle()
  mesh.peers.get('ann')?.renew()
  mesh.peers.get('old')?.renew()
  expect(line.said.at(-1)).toEqual({ to: 'ann', payload: { type: 'restart' } })
  expect([connection('ann').restarts, connection('old').restarts]).toEqual([0, 1])
  room.came({ id: 'ben', name: 'Ben' })
  await settle()
  room.onMessage({ type: 'answer', sdp: 'theirs', modern: true, was: undefined, anew: false }, 'ben')
  await settle()
  room.onMessage({ type: 'restart' }, 'ben')
  room.onMessage({ type: 'restart' }, 'ann') // not ours to do
  expect([connection('ben').restarts, connection('ann').restarts]).toEqual([1, 0])
})

test('after a restart that brings nothing back, a new connection takes the place', async () => {
  const { room, mesh, connection } = start(entry({ members: [{ id: 'ann', name: 'Ann' }] }))
  room.came({ id: 'ben', name: 'Ben' })
  room.onMessage({ type: 'offer', sdp: 'theirs', modern: true, was: undefined, anew: false }, 'ann')
  room.onMessage({ type: 'answer', sdp: 'theirs', modern: true, was: undefined, anew: false }, 'ben')
  for (const id of ['ann', 'ben']) {
    room.onMessage({ type: 'state', audio: true, video: false, screen: false }, id)
    connection(id).become('connected')
  }
  const [ann, ben] = [connection('ann'), connection('ben')]
  const ticks = async (n: number, more: number) => {
    for (let i = 0; i < n; i++) {
      ann.bytes += more
      ben.bytes += more
      await mesh.tick()
    }
  }
  await settle()
  await ticks(10, 0) // nothing came yet, and no path was looked for: as it is
  for (const p of mesh.peers.values()) p.renew()
  await ticks(10, 100)
  expect([connection('ann'), connection('ben')]).toEqual([ann, ben])
  line.said.length = 0
  await ticks(5, 0)
  await settle()
  expect(line.said).toEqual([{ to: 'ann', payload: { type: 'rebuild' } }, { to: 'ben', payload: { type: 'offer', sdp: 'ours', v: 2, anew: true } }])
  expect(ben.signalingState).toBe('closed')
  expect(connection('ann')).toBe(ann)
  expect([...mesh.peers.keys()]).toEqual(['ann', 'ben'])
  room.onMessage({ type: 'offer', sdp: 'theirs', modern: true, was: undefined, anew: true }, 'ann')
  await settle()
  expect(ann.signalingState).toBe('closed')
  expect(line.said.at(-2)).toEqual({ to: 'ann', payload: { type: 'answer', sdp: 'ours', v: 2 } })
  expect(log).toEqual(['entered', 'Ben came'])
})

test('Firefox asks for a new connection as soon as one that had failed is connected again', async () => {
  const node = globalThis.navigator
  vi.stubGlobal('navigator', { userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0' })
  vi.resetModules()
  const { Mesh } = await import('./mesh.ts')
  vi.stubGlobal('navigator', node)
  const mesh = new Mesh('room', { name: '', pass: () => '', relayOnly: false }, media, listener)
  const room = line.listener as RoomListener
  room.entered(entry({ members: [{ id: 'ann', name: 'Ann' }] }))
  room.onMessage({ type: 'offer', sdp: 'theirs', modern: true, was: undefined, anew: false }, 'ann')
  await settle()
  line.said.length = 0
  const ann = mesh.peers.get('ann')?.connection as unknown as FakeConnection
  ann.become('connected')
  ann.become('disconnected')
  ann.become('connected') // that one goes on
  expect(line.said).toEqual([])
  ann.become('failed')
  ann.become('connected') // by a path that ann looked for
  expect(line.said).toEqual([{ to: 'ann', payload: { type: 'rebuild' } }])
})

test('new relay credentials reach the connections there are and those to come', () => {
  const { room, mesh, connection } = start(entry({ members: [{ id: 'ann', name: 'Ann' }] }))
  const servers = [{ urls: 'turn:box:3478', username: 'u', credential: 'c' }]
  room.ice(servers)
  expect(connection('ann').configured).toEqual([{ iceServers: servers }])
  expect(mesh.config.iceServers).toBe(servers)
})

test('bye, full and refused end what there was', () => {
  const { room, mesh } = start(entry({ members: [{ id: 'ann', name: 'Ann' }, { id: 'ben', name: 'Ben' }] }))
  room.onMessage({ type: 'bye' }, 'ann')
  room.onMessage({ type: 'bye' }, 'ann')
  expect([...mesh.peers.keys()]).toEqual(['ben'])
  room.full()
  expect(mesh.peers.size).toBe(0)
  room.refused('passphrase', 'no')
  room.came({ id: 'late', name: '' })
  expect(mesh.peers.size).toBe(0)
  expect(log).toEqual(['entered', 'Ann left', 'full', 'refused: passphrase'])
})
