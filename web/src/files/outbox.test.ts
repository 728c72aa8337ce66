import { expect, test } from 'vitest'
import { due } from './outbox.ts'
import type { Phase } from './sending.ts'

const of = (...phases: Phase[]) => phases.map((phase, i) => ({ phase, i }))
const places = (...phases: Phase[]) => due(of(...phases), 3).map((s) => s.i)

test('three at once, in order', () => {
  expect(places('waiting', 'waiting', 'waiting', 'waiting')).toEqual([0, 1, 2])
  expect(places('sending', 'waiting', 'sending', 'waiting')).toEqual([1])
  expect(places('sending', 'sending', 'sending', 'waiting')).toEqual([])
})

test('what is lost, paused or failed lets others go', () => {
  expect(places('lost', 'paused', 'failed', 'done', 'waiting')).toEqual([4])
})
