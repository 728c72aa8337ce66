import { ask } from '../ask.ts'

/** What the server says of the addresses that others reach it by: GET /api/publish. To other machines it says none. */
export interface Addresses {
  home?: string // of the first page
  calls?: string // of a call, before its name
}

/** The host names that mean "this machine" everywhere. */
export function onlyHere(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host.startsWith('127.') || host === '[::1]'
}

/** A link as others can open it, if the server knows how; else as it is. */
export function moved(link: string, { home, calls }: Addresses): string {
  const url = new URL(link)
  const to = (url.pathname.startsWith('/call/') && calls) || home
  if (!onlyHere(url.hostname) || !to || !URL.canParse(to)) return link
  const there = new URL(to)
  return onlyHere(there.hostname) ? link : there.origin + url.pathname + url.search + url.hash
}

let asked: Promise<Addresses> | undefined // once a page: a sheet that opens again has its link at once

async function addresses(): Promise<Addresses> {
  const answer = await ask('/api/publish')
  if (!answer.ok) throw new Error(`status ${answer.status}`)
  return (await answer.json()) as Addresses
}

/** Asks the server for a link that others can open. */
export async function reachable(link: string): Promise<string> {
  if (!onlyHere(new URL(link).hostname)) return link
  try {
    return moved(link, await (asked ??= addresses()))
  } catch {
    asked = undefined
    return link // the page says elsewhere that the server is away
  }
}
