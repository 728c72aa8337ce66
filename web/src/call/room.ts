/**
 * The name of a room, as the server and old apps take it: ASCII messages, digits and
 * underscores. Names in other scripts are written in them as domain names are, by
 * punycode (RFC 3492), but with _ for its -.
 */

import punycode from 'punycode/punycode.es6.js'

const longest = 64
const coded = 'xn__' // begins a name in another script
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

/**
 * What a person typed, made into a room, if it is none as it is: "Sunday dinner!" is sunday_dinner, "Café" is
 * cafe, and "Кухня" and "кухня" are one room, too. Empty when nothing is left of it.
 * The server's command line does the same (signal/room_name.go).
 */
export function roomFrom(typed: string): string {
  if (isRoom(typed.trim())) return typed.trim()
  const plain = typed.normalize('NFKD').replace(/\p{M}/gu, '')
  if (!/[^\x00-\x7f]/.test(plain.replace(/[^\p{L}\p{N}]/gu, ''))) {
    return trimmed(plain.toLowerCase().replace(/\W+/g, '_')).slice(0, longest)
  }
  const folded = typed.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
  const messages = [...trimmed(folded.replace(/[^\p{L}\p{N}\p{M}]+/gu, '_'))]
  if (isRoom(messages.join(''))) return messages.join('') // the capital of ß is SS
  for (;;) {
    const name = coded + punycode.encode(messages.join('')).replaceAll('-', '_')
    if (name.length <= longest) return name
    messages.pop()
  }
}

/** A room's name to be read by people: as it was typed, but for what roomFrom evens out. */
export function labelOf(room: string): string {
  if (!room.startsWith(coded)) return room
  try {
    return punycode.decode(room.slice(coded.length).replace(/_([^_]*)$/, '-$1'))
  } catch {
    return room
  }
}

function trimmed(name: string): string {
  return name.replace(/^_+|_+$/g, '')
}

/** The room of what was typed, or when nothing was a fresh one. */
export function roomOrFresh(typed: string): string {
  return roomFrom(typed) || freshRoom()
}

const messages = 'abcdefghjkmnpqrstuvwxyz23456789' // none that is taken for another when read out

/** A room nobody guesses: 12 messages, 59 bits. */
export function freshRoom(): string {
  const groups = Array.from({ length: 3 }, () => Array.from({ length: 4 }, message).join(''))
  return groups.join('_')
}

function message(): string {
  const byte = new Uint8Array(1)
  do crypto.getRandomValues(byte)
  while (byte[0]! >= 248) // 8 x 31: each message equally often
  return messages[byte[0]! % messages.length]!
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // not an encoding of anything: take it as it is
  }
}
