/**
 * The messages that two members of a call exchange through the server. Modern pages
 * mark an offer and an answer with v: 2; a peer without such a mark is taken for an
 * old client, which knows descriptions, candidates and "bye".
 */

/** What a member sends of itself. */
export interface MediaState {
  audio: boolean
  video: boolean
  screen: boolean
}

export type SignalMessage =
  | { type: 'bye' }
  | { type: 'offer' | 'answer'; sdp: string; modern: boolean; was: string | undefined; anew: boolean; offer?: string } // anew: of a connection that takes another's place; offer: what an answer answers
  | { type: 'candidate'; candidate: RTCIceCandidateInit }
  | { type: 'restart' } // asks the member that was there first for new paths
  | { type: 'rebuild' } // asks it for a new connection
  | ({ type: 'state' } & MediaState)

/** Reads a payload of any client; undefined is none of ours. */
export function readMessage(payload: unknown): SignalMessage | undefined {
  if (payload === 'bye') return { type: 'bye' }
  if (typeof payload !== 'object' || payload === null) return undefined
  const p = payload as Record<string, unknown>
  if (p['type'] === 'offer' || p['type'] === 'answer') {
    if (typeof p['sdp'] !== 'string') return undefined
    const offer = text(p['offer'])
    return { type: p['type'], sdp: p['sdp'], modern: p['v'] === 2, was: text(p['was']), anew: p['anew'] === true, ...(offer === undefined ? {} : { offer }) }
  }
  if (p['type'] === 'restart' || p['type'] === 'rebuild') return { type: p['type'] }
  if (p['type'] === 'state') {
    return { type: 'state', audio: p['audio'] === true, video: p['video'] === true, screen: p['screen'] === true }
  }
  if (typeof p['candidate'] !== 'string') return undefined
  // Android writes label and id, browsers sdpMLineIndex and sdpMid, and no type.
  const sdpMLineIndex = number(p['sdpMLineIndex']) ?? number(p['label']) ?? null
  const sdpMid = text(p['sdpMid']) ?? text(p['id']) ?? null
  if (sdpMid === null && sdpMLineIndex === null) return undefined
  return { type: 'candidate', candidate: { candidate: p['candidate'], sdpMid, sdpMLineIndex } }
}

/** A description as sent; was is the id we had before, if the server forgot us; anew: of a connection that takes another's place; offer: what an answer answers (originOf). */
export function writeDescription(d: RTCSessionDescriptionInit, was: string | undefined, anew: boolean, offer?: string): object {
  return { type: d.type, sdp: d.sdp, v: 2, ...(was ? { was } : {}), ...(anew ? { anew } : {}), ...(offer ? { offer } : {}) }
}

/** A candidate as sent: with the fields of browsers and those of the Android app. */
export function writeCandidate(c: RTCIceCandidateInit): object {
  const { candidate, sdpMid, sdpMLineIndex } = c
  return { type: 'candidate', candidate, sdpMid, sdpMLineIndex, id: sdpMid, label: sdpMLineIndex }
}

function text(v: unknown): string | undefined {
  return typeof v === 'string' ? v : undefined
}

function number(v: unknown): number | undefined {
  return typeof v === 'number' ? v : undefined
}
