/** The server could not be asked: it is away, or the network is. */
export class Unreachable extends Error {}

/** Asks this page's server, and waits so many ms at most. */
export async function ask(url: string, signal?: AbortSignal, headers: Record<string, string> = {}, most = 8000): Promise<Response> {
  const limit = AbortSignal.timeout(most)
  try {
    return await fetch(url, { cache: 'no-cache', headers, signal: signal ? AbortSignal.any([signal, limit]) : limit })
  } catch (cause) {
    throw new Unreachable('the server does not answer', { cause })
  }
}
