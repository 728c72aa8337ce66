import { ask, Unreachable } from '../ask.ts'
import { answerOf, Refused } from './refused.ts'

/** What the box says of files: GET /api/files and GET /api/files/ID. */
interface Said {
  name: string
  type: string
  size: number // bytes; -1: not told yet
  offset: number // bytes that have arrived
  complete: boolean
  corrupt?: boolean
  sha256?: string // hexadecimal; none: not known yet
  created_at: number // unix ms
  completed_at?: number
  expires_at?: number // none: never
  url?: string // to read it by; none: all links were revoked
  upload_url?: string // to write and delete it by: only its owner is told
}

export type FileState =
  | 'sending'
  | 'checking' // all of it is there, and the box has not let it go yet
  | 'complete'
  | 'corrupt'

export interface BoxFile {
  name: string
  size: number // bytes; -1: not told yet
  offset: number // bytes that have arrived
  type: string // media type
  state: FileState
  createdAt: number // unix ms
  completedAt: number | undefined
  expiresAt: number | undefined
  sha256: string // hexadecimal; empty: not known yet
  download: string // paths, of this host; empty: there is no link
  page: string
  upload: string // empty but for its owner
}

/** What a page needs of what the box says. */
export function fileOf(said: Said): BoxFile {
  const { name, size, offset, type, url = '', upload_url: upload = '' } = said
  const state = said.corrupt ? 'corrupt' : said.complete ? 'complete' : size >= 0 && offset >= size ? 'checking' : 'sending'
  return {
    name, size, offset, type, state, upload, download: url, page: url && pageOf(url), sha256: said.sha256 ?? '',
    createdAt: said.created_at, completedAt: said.completed_at, expiresAt: said.expires_at,
  }
}

/** The page of a file, by the URL that it is read by. */
export function pageOf(url: string): string {
  return `/f/${url.split('/').pop()}`
}

/** Where uploads are made. */
export const endpoint = '/files/'

/** The files of whose key it is, the newest first. */
export async function listFiles(headers: Record<string, string>): Promise<BoxFile[]> {
  const answer = await ask('/api/files', undefined, headers)
  if (!answer.ok) throw await refusedOr(answer)
  return ((await answer.json()) as { files: Said[] }).files.map(fileOf)
}

/** One file, by the id of a link to it. */
export async function getFile(id: string): Promise<BoxFile> {
  const answer = await ask(`/api/files/${encodeURIComponent(id)}`)
  if (!answer.ok) throw await refusedOr(answer)
  return fileOf((await answer.json()) as Said)
}

/** Removes an upload, complete or not. What is gone already is fine. */
export async function removeFile(upload: string, headers: Record<string, string>): Promise<void> {
  let answer: Response
  try {
    answer = await fetch(upload, { method: 'DELETE', headers: { ...headers, 'Tus-Resumable': '1.0.0' }, signal: AbortSignal.timeout(15_000) })
  } catch (cause) {
    throw new Unreachable('the server does not answer', { cause })
  }
  if (!answer.ok && answer.status !== 404 && answer.status !== 410) throw await refusedOr(answer)
}

/** The path of a URL of this host, as the box names uploads. */
export function pathOf(url: string): string {
  return new URL(url, location.origin).pathname
}

/** What a server that has trouble says is as good as no answer: it is asked again. */
async function refusedOr(answer: Response): Promise<Error> {
  const refused = new Refused(answer.status, answerOf(await answer.text().catch(() => '')))
  return answer.status >= 500 && answer.status !== 507 && refused.code !== 'corrupt' ? new Unreachable(refused.message) : refused
}
