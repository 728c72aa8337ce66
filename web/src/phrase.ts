/** Numbers as people say them. All times are in milliseconds. */

/** A running time: 0:07, 12:34, 1:02:03. */
export function clock(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const hours = Math.floor(s / 3600)
  const minutes = Math.floor(s / 60) % 60
  const seconds = String(s % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`
}

/** A length in words: 40 seconds, 12 minutes, 3 hours; what would be 60 minutes or 24 hours is one of the next. */
export function length(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return count(s, 'second')
  if (s < 3570) return count(Math.round(s / 60), 'minute')
  if (s < 84_600) return count(Math.round(s / 3600), 'hour')
  return count(Math.round(s / 86400), 'day')
}

/** How long ago: just now, 5 minutes ago. */
export function ago(ms: number): string {
  return ms < 10_000 ? 'just now' : `${length(ms)} ago`
}

/** 1 viewer, 12 viewers, 1,204 viewers. */
export function count(n: number, noun: string): string {
  return `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`
}

/** How far behind what happens: 0.9 s, 12 s, 1:30. */
export function behind(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  return clock(seconds * 1000)
}

const units = ['kB', 'MB', 'GB', 'TB'] as const

/** An amount of data: 1 byte, 812 bytes, 4.2 MB, 18 GB. */
export function bytes(n: number): string {
  if (n < 1000) return count(Math.max(0, Math.round(n)), 'byte')
  let value = n / 1000
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/** How long something still takes, no finer than anybody can know: 4 seconds left, 25 seconds left, 12 minutes left. */
export function left(ms: number): string {
  const s = Math.max(1, Math.ceil(ms / 1000))
  return `${length((s > 10 ? Math.ceil(s / 5) * 5 : s) * 1000)} left`
}
