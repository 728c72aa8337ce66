import { byId } from '../element.ts'

/** Where the same page is over https, for a browser that gives no camera without; the box says the port. */
export async function showSecureLinks(): Promise<void> {
  if (isSecureContext) return
  const link = byId<HTMLAnchorElement>('secure')
  const said = await ask()
  link.href = secureAddress(new URL(location.href), said.https ?? 8443)
  byId('trust').hidden = said.private === false
}

export function secureAddress(page: URL, port: number): string {
  const secure = new URL(page)
  secure.protocol = 'https:'
  secure.port = String(port)
  return secure.href
}

async function ask(): Promise<{ private?: boolean; https?: number }> {
  try {
    const answer = await fetch('/api/certificate', { signal: AbortSignal.timeout(4000) })
    return answer.ok ? ((await answer.json()) as { private?: boolean; https?: number }) : {}
  } catch {
    return {}
  }
}
