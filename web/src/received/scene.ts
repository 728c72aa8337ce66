import type { BoxFile } from '../files/box.ts'

/** What the receiver's page shows. */
export type Scene = 'asking' | 'sending' | 'checking' | 'ready' | 'damaged' | 'gone' | 'away'

/** What the box answered: a file, that there is none, or nothing. */
export type Answer = BoxFile | 'absent' | 'unreachable' | undefined

/** The scene of an answer; a box that is away takes nothing from what is known already. */
export function sceneOf(answer: Answer, known: BoxFile | undefined): Scene {
  if (answer === undefined) return 'asking'
  if (answer === 'absent') return 'gone'
  if (answer === 'unreachable') return known ? sceneOf(known, undefined) : 'away'
  switch (answer.state) {
    case 'sending':
      return 'sending'
    case 'checking':
      return 'checking'
    case 'corrupt':
      return 'damaged'
    case 'complete':
      return 'ready'
    case 'part': // which nobody is given
      return 'gone'
  }
}

/** Title and text of the scenes without a file. The box does not say why one is gone. */
export const words: Record<'asking' | 'gone' | 'away', readonly [string, string]> = {
  asking: ['One moment', ''],
  away: ['No connection', 'The box does not answer. Trying again…'],
  gone: ['There is nothing here', 'The link has expired or was taken back, or the file was deleted. Ask for a new link.'],
}
