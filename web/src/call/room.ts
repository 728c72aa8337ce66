/** The name of a room, as the server takes it: letters, digits and underscores. */

const valid = /^\w{1,64}$/

export function isRoom(name: string): boolean {
  return valid.test(name)
}

/**
 * The room an address asks for: /call/ROOM, or on HELIOS's port, where the page
 * is at /, its query (?room=ROOM) or its hash (#ROOM). Empty when it names none.
 */
export function roomOf(url: URL): string {
  const [, page, name] = url.pathname.split('/')
  if (page === 'call') return decode(name ?? '')
  return url.searchParams.get('room') ?? decode(url.hash.slice(1))
}

/**
 * The address that leads others to the room, on this page's host. The token of a
 * signed link goes with it: without, nobody would get in.
 */
export function linkOf(url: URL, room: string): string {
  const link = new URL(url.pathname.startsWith('/call') ? `/call/${room}` : `/?room=${room}`, url)
  const pass = url.searchParams.get('pass')
  if (pass) link.searchParams.set('pass', pass)
  return link.href
}

/** What a person typed, made into a room: "Sunday dinner!" is sunday_dinner. */
export function roomFrom(typed: string): string {
  const plain = typed.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  return plain.replace(/\W+/g, '_').replace(/^_+|_+$/g, '').slice(0, 64)
}

/** The room of what was typed, or when nothing was a fresh one. */
export function roomOrFresh(typed: string): string {
  const name = typed.trim()
  return (isRoom(name) ? name : roomFrom(name)) || freshRoom()
}

const letters = 'abcdefghjkmnpqrstuvwxyz23456789' // none that is taken for another when read out

/** A room nobody guesses: 12 letters, 59 bits. */
export function freshRoom(): string {
  const groups = Array.from({ length: 3 }, () => Array.from({ length: 4 }, letter).join(''))
  return groups.join('_')
}

function letter(): string {
  const byte = new Uint8Array(1)
  do crypto.getRandomValues(byte)
  while (byte[0]! >= 248) // 8 x 31: each letter equally often
  return letters[byte[0]! % letters.length]!
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // not an encoding of anything: take it as it is
  }
}
