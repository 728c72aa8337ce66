import { ask, Unreachable } from './ask.ts'

/** What the server says of streams: GET /api/streams and GET /api/streams/NAME. */

export type State = 'live' | 'grace' | 'ended'

export interface Stream {
  name: string
  app: string
  state: State
  started_at: number // unix ms
  ended_at?: number // unix ms
  viewers: number
  width?: number // px, as displayed
  height?: number
  fps?: number
  sound_trails?: number // ms by which the publisher's sound comes later than its picture; less than 0: earlier
  poster?: string // URLs, of this host
  thumb?: string
  hls: string
  watch: string
}

/** All streams the server knows, live and lately ended. */
export async function listStreams(signal?: AbortSignal): Promise<Stream[]> {
  const answer = await ask('/api/streams', signal)
  if (!answer.ok) throw new Unreachable(`streams: ${answer.status}`)
  return ((await answer.json()) as { streams: Stream[] | null }).streams ?? []
}

/**
 * One stream, or undefined when there is none of this name (yet). With unless the
 * server answers when the state is another, or after some seconds.
 */
export async function getStream(name: string, unless?: State | 'absent'): Promise<Stream | undefined> {
  const question = `/api/streams/${encodeURIComponent(name)}`
  const answer = await (unless ? ask(`${question}?unless=${unless}`, undefined, {}, 20_000) : ask(question))
  if (answer.status === 404 || answer.status === 410) return undefined
  if (!answer.ok) throw new Unreachable(`stream: ${answer.status}`)
  return (await answer.json()) as Stream
}

/** Where a stream's master playlist is, also before the server knows the stream. */
export function playlistOf(name: string): string {
  return `/hls/${encodeURIComponent(name)}/index.m3u8`
}

/** Where a stream is watched. */
export function watchPageOf(name: string): string {
  return `/watch/${encodeURIComponent(name)}`
}

/** The stream name of a watch page's path. */
export function nameOf(path: string): string {
  const last = path.replace(/\/+$/, '').split('/').pop() ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last // not an encoding of anything: take it as it is
  }
}
