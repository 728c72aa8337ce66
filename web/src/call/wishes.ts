/** What a person wants for the call: from the address, else from last time. */
export interface Wishes {
  audio: boolean
  video: boolean
  /** Media only over the relay: ?relay=1, to try it or to hide one's address. */
  relayOnly: boolean
  name: string
  camera: string | undefined
  microphone: string | undefined
}

const KEY = 'pse.call'

/** ?audio=0 and ?video=0 start without; HELIOS's page knew them. */
export function wishesOf(query: URLSearchParams, stored: string | null): Wishes {
  const kept = parse(stored)
  return {
    audio: query.get('audio') !== '0',
    video: query.get('video') !== '0',
    relayOnly: query.get('relay') === '1',
    name: (query.get('name') ?? text(kept['name']) ?? '').slice(0, 40),
    camera: text(kept['camera']),
    microphone: text(kept['microphone']),
  }
}

export function loadWishes(): Wishes {
  let stored: string | null = null
  try {
    stored = localStorage.getItem(KEY)
  } catch {
    // a browser that keeps nothing: the defaults will do
  }
  return wishesOf(new URLSearchParams(location.search), stored)
}

export function saveWishes({ name, camera, microphone }: Wishes): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ name, camera, microphone }))
  } catch {
    // as above: they are asked again next time
  }
}

function parse(stored: string | null): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(stored ?? '{}')
    return typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function text(v: unknown): string | undefined {
  return typeof v === 'string' && v !== '' ? v : undefined
}
