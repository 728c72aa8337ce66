import { nameOf, waiting } from './caption.ts'
import type { Media } from './media.ts'
import type { Mesh } from './mesh.ts'
import type { Peer } from './peer.ts'
import type { View } from './tile.ts'

/** The tiles of a call: the others in the order in which they came, then ourselves. */
export function viewsOf(mesh: Mesh, media: Media, me: { name: string; speaking: boolean }, seen: Seen): Map<string, View> {
  const views = new Map<string, View>()
  const all = [...mesh.peers.values()]
  for (const peer of all) views.set(peer.id, viewOf(peer, nameOf(peer.name, peer.id, all), seen))
  const { audio, video, screen } = media.state
  views.set(SELF, {
    name: me.name, stream: media.stream, self: true, mirrored: media.mirrored, audio, video, screen,
    speaking: me.speaking, waiting: '', note: '', quality: undefined, connection: mesh.online ? 'connected' : 'disconnected', away: !mesh.online,
  })
  return views
}

/** The id of our own tile. */
export const SELF = 'self'

/** What was once true of a peer, by its id. */
export interface Seen {
  connected: Set<string>
  speaking: Set<string>
}

function viewOf(peer: Peer, name: string, seen: Seen): View {
  const { connectionState } = peer.connection
  const { audio, video, screen } = peer.sends
  const connected = connectionState === 'connected'
  if (connected) seen.connected.add(peer.id)
  return {
    name, stream: peer.stream, self: false, mirrored: false,
    audio: audio || !connected, // no sign of a muted microphone before anything is known
    video: video && seen.connected.has(peer.id),
    screen: screen && video,
    speaking: seen.speaking.has(peer.id),
    waiting: waiting(connectionState, peer.away || seen.connected.has(peer.id)),
    note: peer.away ? 'Reconnecting…' : peer.soundOnly ? 'Bad line: hears you, does not see you' : '',
    quality: connected ? peer.quality : undefined,
    connection: connectionState, away: peer.away,
  }
}
