import type { State } from '../streams.ts'

/** What the watch page shows: the picture, or why there is none. */
export type Scene = 'playing' | 'connecting' | 'grace' | 'soon' | 'ended' | 'away'

/** What the server last said of the stream. */
export type Answer = State | 'absent' | 'unreachable' | 'unknown'

export interface Facts {
  answer: Answer
  /** A picture is there, and its stream has not ended. */
  showing: boolean
  /** The player reached the end of the stream. */
  finished: boolean
  /** There has been a picture since the page was opened. */
  shownBefore: boolean
}

/**
 * A picture that is there is never covered, whatever the server says: it may be
 * restarting, and the buffer or the log carries the viewer over it.
 */
export function sceneOf({ answer, showing, finished, shownBefore }: Facts): Scene {
  if (showing && !finished) return 'playing'
  switch (answer) {
    case 'unreachable':
      return 'away'
    case 'ended':
      return 'ended'
    case 'grace':
      return 'grace'
    case 'absent':
      return shownBefore ? 'ended' : 'soon'
    case 'live':
    case 'unknown':
      return 'connecting'
  }
}

/** What to say in each scene: a title and a sentence. */
export const words: Record<Exclude<Scene, 'playing'>, readonly [string, string]> = {
  connecting: ['Connecting', ''],
  grace: ['One moment', 'The camera lost its connection. The picture goes on when it is back.'],
  soon: ['Not live yet', 'Leave this page open: it starts by itself.'],
  ended: ['The stream has ended', 'If it starts again, so does this page.'],
  away: ['No connection', 'The server does not answer. Trying again…'],
}
