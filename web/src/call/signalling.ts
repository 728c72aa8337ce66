import { io, type Socket } from 'socket.io-client'
import { Outbox, type Letter } from './outbox.ts'
import { readWord, type Word } from './word.ts'

/** Someone in the room. */
export interface Member {
  id: string
  name: string
}

/** What we are told when we come in. listed: the server said who is there (HELIOS's did not). */
export interface Entry {
  you: string
  members: Member[]
  listed: boolean
  ice: RTCIceServer[]
}

/** Who listens to a room. */
export interface Ears {
  entered(entry: Entry): void
  came(member: Member): void
  renamed(member: Member): void
  said(word: Word, from: string): void
  ice(servers: RTCIceServer[]): void
  /** The line to the server broke, or is whole again and nothing was missed. */
  setOnline(up: boolean): void
  refused(code: unknown, why: string): void
  full(): void
  closed(): void
}

const KICKED_AGAIN_MS = 30_000

/** The room on the server, by Socket.IO; its namespace is the room's name. */
export class Signalling {
  private readonly socket: Socket
  private readonly outbox = new Outbox()
  private readonly ears: Ears
  private kickedAt = -Infinity

  constructor(room: string, who: { name: string; pass: () => string }, ears: Ears) {
    this.ears = ears
    this.socket = io(`${location.origin}/${room}`, {
      auth: (tell) => tell({ v: 2, ...(who.name ? { name: who.name } : {}), ...(who.pass() ? { pass: who.pass() } : {}) }),
      autoConnect: false,
      forceNew: true,
      reconnectionDelay: 500,
      reconnectionDelayMax: 3000,
      timeout: 8000,
    })
    this.socket.on('connect', () => this.connected())
    this.socket.on('connect_error', (cause) => this.refused(cause))
    this.socket.on('disconnect', (reason) => this.disconnected(reason))
    this.socket.on('created', (_room: string, id: string, info: unknown) => this.entered(info, id))
    this.socket.on('joined', (_room: string, info: unknown) => this.entered(info, this.socket.id))
    this.socket.on('join', (id: string, member: unknown) => ears.came({ id, name: nameIn(member) }))
    this.socket.on('name', (id: string, name: unknown) => ears.renamed({ id, name: String(name) }))
    this.socket.on('message', (payload: unknown, from: string) => this.heard(payload, from))
    this.socket.on('ice', (ice: unknown) => ears.ice(serversIn(ice)))
    this.socket.on('full', () => this.full())
  }

  /** Enters, or tries again after a refusal. */
  enter(): void {
    if (this.socket.connected) this.socket.disconnect()
    this.socket.connect()
  }

  leave(): void {
    this.outbox.clear()
    this.socket.disconnect()
  }

  say(payload: unknown, to: string): void {
    const letter = this.outbox.put(payload, to)
    if (this.socket.connected) this.post(letter) // else when the line is whole again
  }

  private post({ id, to, payload }: Letter): void {
    this.socket.emit('message', payload, to, id, () => this.outbox.arrived(id))
  }

  private connected(): void {
    if (!this.socket.recovered) {
      this.outbox.clear() // under a new id; those we wrote to make new connections
      return
    }
    for (const letter of this.outbox.waiting()) this.post(letter)
    this.ears.setOnline(true)
  }

  private entered(info: unknown, id: string | undefined): void {
    const known = record(info)
    const peers = Array.isArray(known?.['peers']) ? known['peers'] : []
    this.ears.entered({
      you: typeof known?.['you'] === 'string' ? known['you'] : (id ?? ''),
      members: peers.map((p) => ({ id: String(record(p)?.['id'] ?? ''), name: nameIn(p) })).filter((m) => m.id !== ''),
      listed: known !== undefined,
      ice: serversIn(known?.['ice']),
    })
  }

  private heard(payload: unknown, from: string): void {
    const word = readWord(payload)
    if (word && typeof from === 'string') this.ears.said(word, from)
  }

  private refused(cause: Error & { data?: unknown }): void {
    if (this.socket.active) this.ears.setOnline(false) // the server is away: socket.io-client goes on trying
    else this.ears.refused(record(cause.data)?.['code'], cause.message)
  }

  private full(): void {
    this.leave()
    this.ears.full()
  }

  private disconnected(reason: string): void {
    if (this.socket.active) this.ears.setOnline(false)
    if (reason !== 'io server disconnect') return
    const now = performance.now()
    const again = now - this.kickedAt < KICKED_AGAIN_MS
    this.kickedAt = now
    if (again) {
      this.ears.closed()
      return
    }
    this.ears.setOnline(false)
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
