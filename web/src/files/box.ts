import { ask, Unreachable } from '../ask.ts'
import type { Link } from './link.ts'
import { answerOf, Refused } from './refused.ts'

/** What the box says of files: GET /api/files and GET /api/files/ID. */
interface Said {
  name: string
  type: string
  size: number // bytes; -1: not told yet
  offset: number // bytes that have arrived
  complete: boolean
  corrupt?: boolean
  partial?: boolean // to be put together with others
  sha256?: string // hexadecimal; none: not known yet
  created_at: number // unix ms
  completed_at?: number
  expires_at?: number // none: never
  url?: string // to read it by; none: all links were revoked
  upload_url?: string // to write and delete it by: only its owner is told
  links?: SaidLink[] // only its owner is told
  of?: string // the key that it is of, when that is another than ours
}

/** What the box says of a link. */
interface SaidLink {
  key: string
  url: string
  label?: string
  created_at: number // unix ms
  expires_at?: number // none: never
}

export type FileState =
  | 'sending'
  | 'checking' // all of it is there, and the box has not let it go yet
  | 'complete'
  | 'corrupt'
  | 'part' // of a file that is not put together yet

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
  links: Link[] // the oldest first, also those that have ended; empty but for its owner
  of: string // what the key is called that sent it; empty: ours
}

/** What a page needs of what the box says. */
export function fileOf(said: Said): BoxFile {
  const { name, size, offset, type, url = '', upload_url: upload = '' } = said
  const state = said.corrupt ? 'corrupt' : said.partial ? 'part' : said.complete ? 'complete' : size >= 0 && offset >= size ? 'checking' : 'sending'
  return {
    name, size, offset, type, state, upload, download: url, page: url && pageOf(url), sha256: said.sha256 ?? '',
    links: (said.links ?? []).map(linkOf), of: said.of ?? '',
    createdAt: said.created_at, completedAt: said.completed_at, expiresAt: said.expires_at,
  }
}

function linkOf({ key, url, label = '', created_at: createdAt, expires_at: expiresAt }: SaidLink): Link {
  return { key, page: pageOf(url), label, createdAt, expiresAt }
}

/** The page of a file, by the URL that it is read by. */
export function pageOf(url: string): string {
  return `/f/${url.split('/').pop()}`
}

/** Where uploads are made. */
export const endpoint = '/files/'

/** Which part of the list of files is asked for. */
interface Page {
  limit: number // files at most
  after?: string // what the page before has as next
  tag?: string // of the answer that is known; empty: none is
  wait?: number // seconds for another one
}

/** Some of the files of our key, the newest first; next: there are more. undefined: they are those of the tag. */
export async function listFiles(headers: Record<string, string>, { limit, after, tag, wait = 0 }: Page, signal: AbortSignal): Promise<{ files: BoxFile[]; next: string | undefined; tag: string } | undefined> {
  const query = new URLSearchParams({ limit: `${limit}`, ...(after && { after }), ...(wait > 0 && { wait: `${wait}` }) })
  const answer = await ask(`/api/files?${query}`, signal, tag ? { ...headers, 'If-None-Match': tag } : headers, 8000 + 1000 * wait)
  if (answer.status === 304) return undefined
  if (!answer.ok) throw await refusedOr(answer)
  const said = (await answer.json()) as { files: Said[]; next?: string }
  return { files: said.files.map(fileOf), next: said.next, tag: answer.headers.get('ETag') ?? '' }
}

/** One file, by the id of a link to it. */
export async function getFile(id: string): Promise<BoxFile> {
  const answer = await ask(`/api/files/${encodeURIComponent(id)}`)
  if (!answer.ok) throw await refusedOr(answer)
  return fileOf((await answer.json()) as Said)
}

/** Removes an upload, complete or not. What is gone already is fine. */
export async function removeFile(upload: string, headers: Record<string, string>): Promise<void> {
  await change('DELETE', apiOf(upload), headers)
}

/** Makes a link to a file of ours that works for so many seconds; undefined: as long as the file. */
export async function makeLink(file: BoxFile, seconds: number | undefined, label: string, headers: Record<string, string>): Promise<Link> {
  const answer = await change('POST', `${apiOf(file.upload)}/links`, { ...headers, 'Content-Type': 'application/json' }, JSON.stringify({ expires_in: seconds ?? 0, label }))
  return linkOf((await answer.json()) as SaidLink)
}

/** Makes a link good for nothing. One that is gone already is fine. */
export async function revokeLink(file: BoxFile, link: Link, headers: Record<string, string>): Promise<void> {
  await change('DELETE', `${apiOf(file.upload)}/links/${encodeURIComponent(link.key)}`, headers)
}

/** The upload's own URL lets one do all with it. When its sender's key is revoked it takes the key of the box's owner besides. */
function apiOf(upload: string): string {
  return `/api/files/${upload.split('/').pop()}`
}

/** Has the box change something; what is gone already needs no change. */
async function change(method: 'POST' | 'DELETE', url: string, headers: Record<string, string> = {}, body: string | null = null): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(15_000) })
  } catch (cause) {
    throw new Unreachable('the server does not answer', { cause })
  }
  const gone = method === 'DELETE' && (answer.status === 404 || answer.status === 410)
  if (!answer.ok && !gone) throw await refusedOr(answer)
  return answer
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
