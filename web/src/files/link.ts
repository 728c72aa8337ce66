import { ago, length } from '../phrase.ts'

/** A link to a file, as its owner sees it. */
export interface Link {
  key: string
  page: string // path of the page for whoever gets it
  label: string // for its owner; empty: none
  createdAt: number // unix ms
  expiresAt: number | undefined // none: never
}

/** How long a link may be made to work; undefined: as long as the file is there. */
export const ends: readonly { words: string; seconds: number | undefined }[] = [
  { words: '1 hour', seconds: 3600 },
  { words: '1 day', seconds: 86_400 },
  { words: '7 days', seconds: 7 * 86_400 },
  { words: '30 days', seconds: 30 * 86_400 },
  { words: 'as long as the file', seconds: undefined },
]

/** Whether a link works no more at a time (unix ms). */
export function ended({ expiresAt }: Link, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now
}

/** What to call a link. */
export function nameOf({ label }: Link): string {
  return label || 'Link without a name'
}

/** Until when a link works, at a time (unix ms). */
export function endWords(link: Link, now: number): string {
  if (link.expiresAt === undefined) return 'Works as long as the file'
  return ended(link, now) ? `Ended ${ago(now - link.expiresAt)}` : `Ends in ${length(link.expiresAt - now)}`
}
