/** How good a line to a peer is, from what getStats counts. Pure. */

export type Grade = 'good' | 'fair' | 'poor' | 'unknown'
export type Path = 'direct' | 'relay' | 'unknown'

/** Counters of one connection at one moment; times in ms. */
export interface Sample {
  at: number
  bytes: number // received, media
  received: number // packets
  lost: number // packets, of those sent to us
  frozen: number // ms the picture stood still, in all
  frames: number // decoded
  /** What the peer says of what we send: share of packets lost, 0 to 1; undefined: nothing yet. */
  lossOut: number | undefined
  rtt: number | undefined
  path: Path
  /** What our uplink to this peer can carry, bit/s, if the browser says. */
  uplink: number | undefined
}

export interface Quality {
  grade: Grade
  path: Path
  rtt: number | undefined // ms
  loss: number // the larger of both ways, 0 to 1
  kbps: number // received
}

export const unknownQuality: Quality = { grade: 'unknown', path: 'unknown', rtt: undefined, loss: 0, kbps: 0 }

/** The quality between two samples, the older first. */
export function qualityOf(a: Sample, b: Sample): Quality {
  const ms = Math.max(1, b.at - a.at)
  const lost = Math.max(0, b.lost - a.lost)
  const whole = lost + Math.max(0, b.received - a.received)
  const lossIn = whole > 20 ? lost / whole : 0 // of a few packets nothing can be said
  const loss = Math.max(lossIn, b.lossOut ?? 0)
  const still = Math.max(0, b.frozen - a.frozen) / ms
  const kbps = Math.max(0, (b.bytes - a.bytes) * 8) / ms
  return { grade: gradeOf(loss, b.rtt, still), path: b.path, rtt: b.rtt, loss, kbps }
}

function gradeOf(loss: number, rtt: number | undefined, still: number): Grade {
  if (rtt === undefined) return 'unknown'
  if (loss > 0.1 || rtt > 600 || still > 0.3) return 'poor'
  if (loss > 0.03 || rtt > 250 || still > 0.05) return 'fair'
  return 'good'
}

/** The line to a peer in words, for people and screen readers. */
export function describe(q: Quality): string {
  const grade = { good: 'Good connection', fair: 'Fair connection', poor: 'Poor connection', unknown: 'Connection not measured yet' }[q.grade]
  const path = { direct: 'direct', relay: 'over the relay', unknown: '' }[q.path]
  const delay = q.rtt === undefined ? '' : `${Math.round(q.rtt)} ms`
  const loss = q.loss >= 0.01 ? `${Math.round(q.loss * 100)} % lost` : ''
  return [grade, path, delay, loss].filter(Boolean).join(', ')
}
