import { byId } from '../element.ts'

type Said = { private?: boolean; https?: number; name?: string }

/** Where the same page is over https, for a browser that gives no camera without; the box says the port. */
export async function showSecureLinks(): Promise<void> {
  if (isSecureContext) return
  const link = byId<HTMLAnchorElement>('secure')
  const said = await ask()
  link.href = secureAddress(new URL(location.href), said.https ?? 8443, said.name)
  byId('trust').hidden = said.private === false || said.name !== undefined
}

/** The same page over https; name is what all devices trust the box by, if there is one. */
export function secureAddress(page: URL, port: number, name?: string): string {
  const secure = new URL(page)
  secure.protocol = 'https:'
  if (name) secure.hostname = name.includes(':') ? `[${name}]` : name
  secure.port = String(port)
  return secure.href
}

async function ask(): Promise<Said> {
  try {
    const answer = await fetch('/api/certificate', { signal: AbortSignal.timeout(4000) })
    return answer.ok ? ((await answer.json()) as Said) : {}
  } catch {
    return {}
  }
}
