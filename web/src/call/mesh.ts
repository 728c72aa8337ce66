import type { Media } from './media.ts'
import { Peer, type CallContext } from './peer.ts'
import { Signalling, type RoomListener, type Entry, type Member } from './signalling.ts'
import { shareOf } from './bitrate.ts'
import type { SignalMessage } from './signal-message.ts'

/** What the page is told of a call. */
export interface CallListener {
  entered(): void
  came(peer: Peer): void
  left(peer: Peer): void
  refused(code: unknown, why: string): void
  full(): void
  closed(): void
  changed(): void
}

/** A call: the room and the connections to all its members. */
export class Mesh implements CallContext, RoomListener {
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
  private readonly ghosts = new Set<string>() // ids of members that came back under another
  private listed = false
  private readonly listener: CallListener
  private readonly signalling: Signalling

  constructor(room: string, who: { name: string; pass: () => string; relayOnly: boolean }, media: Media, listener: CallListener) {
    this.media = media
    this.listener = listener
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
  updateTracks(): void {
    for (const peer of this.peers.values()) void peer.updateTracks()
  }

  /** Once a second. */
  async tick(): Promise<void> {
    await Promise.all([...this.peers.values()].map((p) => p.tick()))
    for (const p of this.peers.values()) if (p.away && p.hears && !p.modern) this.signalling.hears(p.id)
  }

  rebuild(id: string): void {
    const was = this.peers.get(id)
    if (!was) return
    const peer = new Peer(id, was.name, was.first, this, true)
    peer.takeOver(was)
    this.peers.set(id, peer) // in the same place
    was.close()
    this.changed()
  }

  share() {
    return shareOf(this.peers.size, this.media.screen !== undefined)
  }

  send(payload: object, to: string): void {
    this.signalling.send(payload, to)
  }

  changed(): void {
    for (const ghost of this.ghosts) if (this.peers.get(ghost)?.connection.connectionState !== 'connected') this.remove(ghost)
    this.listener.changed()
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
    this.listener.entered()
  }

  came(member: Member): void {
    if (!this.inside || this.peers.has(member.id)) return
    this.listener.came(this.add(member, true))
    this.updateTracks() // each gets a smaller share now
  }

  renamed({ id, name }: Member): void {
    const peer = this.peers.get(id)
    if (!peer) return
    peer.name = name
    this.changed()
  }

  setAway(id: string, away: boolean): void {
    const peer = this.peers.get(id)
    if (!peer) return
    peer.away = away
    this.changed()
  }

  onMessage(message: SignalMessage, from: string): void {
    if (message.type === 'bye') {
      this.remove(from)
      return
    }
    let peer = this.peers.get(from)
    if (!peer && message.type === 'offer' && this.inside && !this.listed) {
      peer = this.add({ id: from, name: '' }, false) // HELIOS's server does not list members
      this.listener.came(peer)
    }
    if (message.type === 'offer' && message.anew && peer?.connection.remoteDescription) {
      this.rebuild(from)
      peer = this.peers.get(from)
    }
    if (message.type === 'offer' || message.type === 'answer') this.replaced(message.was)
    peer?.handle(message)
  }

  ice(servers: RTCIceServer[]): void {
    this.config.iceServers = servers
    for (const peer of this.peers.values()) peer.useServers(this.config)
  }

  refused(code: unknown, why: string): void {
    this.clear()
    this.inside = false
    this.listener.refused(code, why)
  }

  full(): void {
    this.clear()
    this.inside = false
    this.listener.full()
  }

  closed(): void {
    this.clear()
    this.inside = false
    this.listener.closed()
  }

  setOnline(up: boolean): void {
    this.online = up
    this.tried = !up
    if (up) for (const peer of this.peers.values()) peer.resume()
    this.changed()
  }

  private add({ id, name, away }: Member, first: boolean): Peer {
    const peer = new Peer(id, name, first, this)
    peer.away = away === true
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
    this.listener.left(peer)
    this.updateTracks()
    this.changed()
  }

  /** A peer came back under a new id: its ghost goes as soon as it is not connected, so that nobody can send a present member away. */
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
