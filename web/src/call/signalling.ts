import { io, type Socket } from 'socket.io-client'
import { SendQueue, type QueuedMessage } from './send-queue.ts'
import { readMessage, type SignalMessage } from './signal-message.ts'

/** Someone in the room. */
export interface Member {
  id: string
  name: string
  /** Its line to the server broke, and it may come back. */
  away?: boolean
}

/** What we are told when we come in. listed: the server listed the members (HELIOS's did not). */
export interface Entry {
  you: string
  members: Member[]
  listed: boolean
  ice: RTCIceServer[]
}

/** What is told of a room. */
export interface RoomListener {
  entered(entry: Entry): void
  came(member: Member): void
  renamed(member: Member): void
  /** A member's line to the server broke, or is whole again. */
  setAway(id: string, away: boolean): void
  onMessage(message: SignalMessage, from: string): void
  ice(servers: RTCIceServer[]): void
  /** The line to the server broke, or is whole again and nothing was missed. */
  setOnline(up: boolean): void
  refused(code: unknown, why: string): void
  full(): void
  closed(): void
}

const KICKED_AGAIN_MS = 30_000

// The server keeps a place for 30 s. A try that begins while there is no network hears of
// none: browsers ask again after 1, 3 and 7 s, so one is given up before the last of these.
const TRY_MS = 6500
const LONGEST_PAUSE_MS = 1500

/** The room on the server, by Socket.IO; its namespace is the room's name. */
export class Signalling {
  private readonly socket: Socket
  private readonly queue = new SendQueue()
  private readonly listener: RoomListener
  private kickedAt = -Infinity

  constructor(room: string, who: { name: string; pass: () => string }, listener: RoomListener) {
    this.listener = listener
    this.socket = io(`${location.origin}/${room}`, {
      auth: (tell) => tell({ v: 2, ...(who.name ? { name: who.name } : {}), ...(who.pass() ? { pass: who.pass() } : {}) }),
      autoConnect: false,
      forceNew: true,
      reconnectionDelay: 500,
      reconnectionDelayMax: LONGEST_PAUSE_MS,
      timeout: TRY_MS,
    })
    this.socket.on('connect', () => this.connected())
    this.socket.on('connect_error', (cause) => this.refused(cause))
    this.socket.on('disconnect', (reason) => this.disconnected(reason))
    this.socket.on('created', (_room: string, id: string, info: unknown) => this.entered(info, id))
    this.socket.on('joined', (_room: string, info: unknown) => this.entered(info, this.socket.id))
    this.socket.on('join', (id: string, member: unknown) => listener.came({ id, name: nameIn(member) }))
    this.socket.on('name', (id: string, name: unknown) => listener.renamed({ id, name: String(name) }))
    this.socket.on('away', (id: unknown) => listener.setAway(String(id), true))
    this.socket.on('back', (id: unknown) => listener.setAway(String(id), false))
    this.socket.on('message', (payload: unknown, from: string) => this.received(payload, from))
    this.socket.on('ice', (ice: unknown) => listener.ice(serversIn(ice)))
    this.socket.on('full', () => this.full())
    addEventListener('online', () => this.hurry())
  }

  /** Enters, or tries again after a refusal. */
  enter(): void {
    if (this.socket.connected) this.socket.disconnect()
    this.socket.connect()
  }

  leave(): void {
    this.queue.clear()
    this.socket.disconnect()
  }

  send(payload: unknown, to: string): void {
    const message = this.queue.put(payload, to)
    if (this.socket.connected) this.post(message) // else when the line is whole again
  }

  /** Tells the server that a member which is away is heard or seen: it is not gone. */
  hears(id: string): void {
    if (this.socket.connected) this.socket.emit('hears', id)
  }

  /** There is a network again: no pause before the next try. */
  private hurry(): void {
    if (this.socket.connected || !this.socket.active) return
    this.socket.disconnect() // says nothing to the server: there is no line
    this.socket.connect()
  }

  private post({ id, to, payload }: QueuedMessage): void {
    this.socket.emit('message', payload, to, id, () => this.queue.arrived(id))
  }

  private connected(): void {
    if (!this.socket.recovered) {
      this.queue.clear() // under a new id; those we wrote to make new connections
      return
    }
    for (const message of this.queue.waiting()) this.post(message)
    this.listener.setOnline(true)
  }

  private entered(info: unknown, id: string | undefined): void {
    const known = record(info)
    const peers = Array.isArray(known?.['peers']) ? known['peers'] : []
    this.listener.entered({
      you: typeof known?.['you'] === 'string' ? known['you'] : (id ?? ''),
      members: peers.map((p) => ({ id: String(record(p)?.['id'] ?? ''), name: nameIn(p), away: record(p)?.['away'] === true })).filter((m) => m.id !== ''),
      listed: known !== undefined,
      ice: serversIn(known?.['ice']),
    })
  }

  private received(payload: unknown, from: string): void {
    const message = readMessage(payload)
    if (message && typeof from === 'string') this.listener.onMessage(message, from)
  }

  private refused(cause: Error & { data?: unknown }): void {
    if (this.socket.active) this.listener.setOnline(false) // the server is away: socket.io-client goes on trying
    else this.listener.refused(record(cause.data)?.['code'], cause.message)
  }

  private full(): void {
    this.leave()
    this.listener.full()
  }

  private disconnected(reason: string): void {
    if (this.socket.active) this.listener.setOnline(false)
    if (reason !== 'io server disconnect') return
    const now = performance.now()
    const again = now - this.kickedAt < KICKED_AGAIN_MS
    this.kickedAt = now
    if (again) {
      this.listener.closed()
      return
    }
    this.listener.setOnline(false)
    setTimeout(() => this.socket.connect(), 1000) // once: the server may have had its reason, or a bad moment
  }
}

function record(v: unknown): Record<string, unknown> | undefined {
  return typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : undefined
}

function nameIn(member: unknown): string {
  const name = record(member)?.['name']
  return typeof name === 'string' ? name.slice(0, 40) : ''
}

function serversIn(ice: unknown): RTCIceServer[] {
  const servers = record(ice)?.['servers']
  return Array.isArray(servers) ? (servers as RTCIceServer[]) : []
}
