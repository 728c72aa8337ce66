/** What a tile calls its person, and says of the line. Pure. */

/** The name of a peer; without one it is a guest, told apart by a number if there are more. */
export function nameOf(name: string, id: string, all: readonly { id: string; name: string }[]): string {
  if (name !== '') return name
  const guests = all.filter((p) => p.name === '')
  return guests.length < 2 ? 'Guest' : `Guest ${guests.findIndex((p) => p.id === id) + 1}`
}

/** One or two messages that stand for a person without a picture. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean)
  const first = (word: string | undefined) => [...(word ?? '')][0] ?? ''
  const last = words.length > 1 ? first(words.at(-1)) : ''
  return (first(words[0]) + last).toUpperCase()
}

/** What to say while there is no line to the peer; '' when there is. */
export function waiting(connection: RTCPeerConnectionState, before: boolean): string {
  if (connection === 'connected') return ''
  return before || connection === 'disconnected' || connection === 'failed' ? 'Reconnecting…' : 'Connecting…'
}
