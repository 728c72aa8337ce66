import { expect, test } from 'vitest'
import { describe, qualityOf, unknownQuality, type Sample } from './quality.ts'

const before: Sample = { at: 0, bytes: 0, received: 0, lost: 0, frozen: 0, frames: 0, lossOut: undefined, rtt: 20, path: 'direct', uplink: undefined }
const after: Sample = { ...before, at: 1000, bytes: 125_000, received: 100, frames: 30 }

test('a line without loss is good', () => {
  expect(qualityOf(before, after)).toEqual({ grade: 'good', path: 'direct', rtt: 20, loss: 0, kbps: 1000 })
})

test('loss, delay and a frozen picture each make it worse', () => {
  const grade = (change: Partial<Sample>) => qualityOf(before, { ...after, ...change }).grade
  expect(grade({ lost: 5 })).toBe('fair')
  expect(grade({ lost: 20 })).toBe('poor')
  expect(grade({ lossOut: 0.05 })).toBe('fair')
  expect(grade({ lossOut: 0.5 })).toBe('poor')
  expect(grade({ rtt: 300 })).toBe('fair')
  expect(grade({ rtt: 900 })).toBe('poor')
  expect(grade({ frozen: 100 })).toBe('fair')
  expect(grade({ frozen: 500 })).toBe('poor')
  expect(grade({ rtt: undefined })).toBe('unknown')
})

test('a few packets tell nothing, and counters that start anew do no harm', () => {
  expect(qualityOf(before, { ...after, received: 2, lost: 2 }).grade).toBe('good')
  const anew = qualityOf(after, { ...before, at: 2000 })
  expect([anew.loss, anew.kbps]).toEqual([0, 0])
})

test('in words', () => {
  expect(describe({ grade: 'poor', path: 'relay', rtt: 612.4, loss: 0.12, kbps: 90 })).toBe('Poor connection, over the relay, 612 ms, 12 % lost')
  expect(describe({ grade: 'good', path: 'direct', rtt: 3, loss: 0.001, kbps: 900 })).toBe('Good connection, direct, 3 ms')
  expect(describe(unknownQuality)).toBe('Connection not measured yet')
})
