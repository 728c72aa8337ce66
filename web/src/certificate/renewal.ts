import { byId } from '../element.ts'
import { askBox, type Said } from './said.ts'

/** How long devices are told of a new root whose place the earlier one gave up at once, in days. */
const TOLD = 180
const DAY = 86_400_000
const KEY = 'root'

/** What people with the earlier root are told at this time; nothing when it is none of theirs. */
export function renewal(said: Said, now: number, have: string | null): string {
  if (!said.private || !said.earlier || !said.since || said.fingerprint === have) return ''
  if (said.earlier.until) {
    const days = Math.floor((Date.parse(said.earlier.until) - now) / DAY)
    if (days >= 0) return `This box has a new root certificate. Devices that trust the earlier one install it before ${day(said.earlier.until)}.`
  }
  if (now - Date.parse(said.since) > TOLD * DAY) return ''
  return `This box has a new root certificate since ${day(said.since)}. Devices that trusted the earlier one install it, and can remove that.`
}

/** A day as people in all countries read it: 3 March 2031. */
export function day(time: string): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(time))
}

/** The fingerprint of the root that this device has, as far as this page knows. */
export function had(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null // forbidden: then it is told again
  }
}

export function have(fingerprint: string): void {
  try {
    localStorage.setItem(KEY, fingerprint)
  } catch {
    // forbidden: then it is told again
  }
}

/** Shows a page's #renewal on devices that need a new root. */
export async function showRenewal(): Promise<void> {
  const said = await askBox().catch(() => undefined)
  const text = said ? renewal(said, Date.now(), had()) : ''
  const place = byId('renewal')
  place.hidden = text === ''
  const link = place.querySelector('a')
  if (link) link.textContent = text
}
