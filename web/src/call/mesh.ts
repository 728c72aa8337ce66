import type { Media } from './media.ts'
import { Peer, type Circle } from './peer.ts'
import { Signalling, type Ears, type Entry, type Member } from './signalling.ts'
import { shareOf } from './thrift.ts'
import type { Word } from './word.ts'

/** What the page hears of a call. */
export interface Audience {
  entered(): void
  came(peer: Peer): void
  left(peer: Peer): void
  refused(code: unknown, why: string): void
  full(): void
  closed(): void
  changed(): void
}

/** A call: the room and the connections to all who are in it. */
export class Mesh implements Circle, Ears {
  /** In the order in which they came. */
  readonly peers = new Map<string, Peer>()
  readonly media: Media
  readonly config: RTCConfiguration
  you = ''
  was: string | undefined
  online = false
  /** The server was asked, and did not answer. */
  tried = false
  private inside = false
  private readonly ghosts = new Set<string>() // ids whose owners came back under another
  private listed = false
  private readonly audience: Audience
  private readonly signalling: Signalling

  constructor(room: string, who: { name: string; pass: () => string; relayOnly: boolean }, media: Media, audience: Audience) {
    this.media = media
    this.audience = audience
    this.config = who.relayOnly ? { iceTransportPolicy: 'relay' } : {}
    this.signalling = new Signalling(room, who, this)
  }

  enter(): void {
    this.signalling.enter()
  }

  leave(): void {
    this.inside = false
    this.signalling.leave()
    this.clear()
  }

  /** Our media changed. */
  carry(): void {
    for (const peer of this.peers.values()) void peer.carry()
  }

  /** Once a second. */
  async tick(): Promise<void> {
    await Promise.all([...this.peers.values()].map((p) => p.tick()))
  }

  share() {
    return shareOf(this.peers.size, this.media.screen !== undefined)
  }

  say(payload: object, to: string): void {
    this.signalling.say(payload, to)
  }

  changed(): void {
    for (const ghost of this.ghosts) if (this.peers.get(ghost)?.connection.connectionState !== 'connected') this.remove(ghost)
    this.audience.changed()
  }

  // What the room says.

  entered({ you, members, listed, ice }: Entry): void {
    this.was = this.inside && this.you !== you ? this.you : undefined
    this.clear() // those of before know us no longer; they offer anew
    this.you = you
    this.inside = true
    this.listed = listed
    this.online = true
    this.config.iceServers = ice
    for (const m of members) this.add(m, false)
    this.audience.entered()
  }

  came(member: Member): void {
    if (!this.inside || this.peers.has(member.id)) return
    this.audience.came(this.add(member, true))
    this.carry() // each gets a smaller share now
  }

  renamed({ id, name }: Member): void {
    const peer = this.peers.get(id)
    if (!peer) return
    peer.name = name
    this.changed()
  }

  said(word: Word, from: string): void {
    if (word.type === 'bye') {
      this.remove(from)
      return
    }
    let peer = this.peers.get(from)
    if (!peer && word.type === 'offer' && this.inside && !this.listed) {
      peer = this.add({ id: from, name: '' }, false) // HELIOS's server does not say who is there
      this.audience.came(peer)
    }
    if (word.type === 'offer' || word.type === 'answer') this.replaced(word.was)
    peer?.take(word)
  }

  ice(servers: RTCIceServer[]): void {
    this.config.iceServers = servers
    for (const peer of this.peers.values()) peer.useServers(this.config)
  }

  refused(code: unknown, why: string): void {
    this.clear()
    this.inside = false
    this.audience.refused(code, why)
  }

  full(): void {
    this.clear()
    this.inside = false
    this.audience.full()
  }

  closed(): void {
    this.clear()
    this.inside = false
    this.audience.closed()
  }

  setOnline(up: boolean): void {
    this.online = up
    this.tried = !up
    if (up) for (const peer of this.peers.values()) peer.resume()
    this.changed()
  }

  private add({ id, name }: Member, first: boolean): Peer {
    const peer = new Peer(id, name, first, this)
    this.peers.set(id, peer)
    this.changed()
    return peer
  }

  private remove(id: string): void {
    this.ghosts.delete(id)
    const peer = this.peers.get(id)
    if (!peer) return
    this.peers.delete(id)
    peer.close()
    this.audience.left(peer)
    this.carry()
    this.changed()
  }

  /** A peer came back under a new id: its ghost goes as soon as it is not connected, so that nobody can send away who is there. */
  private replaced(was: string | undefined): void {
    if (was === undefined || !this.peers.has(was)) return
    this.ghosts.add(was)
    this.changed()
  }

  private clear(): void {
    for (const peer of this.peers.values()) peer.close()
    this.peers.clear()
    this.ghosts.clear()
    this.changed()
  }
}
