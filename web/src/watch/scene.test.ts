import { expect, test } from 'vitest'
import { sceneOf, type Facts } from './scene.ts'

const before: Facts = { answer: 'unknown', showing: false, finished: false, shownBefore: false }

test('a picture that is there is never covered, whatever the server says', () => {
  for (const answer of ['live', 'grace', 'ended', 'absent', 'unreachable', 'unknown'] as const) {
    expect(sceneOf({ ...before, answer, showing: true, shownBefore: true })).toBe('playing')
  }
})

test('without a picture the page says why', () => {
  expect(sceneOf(before)).toBe('connecting')
  expect(sceneOf({ ...before, answer: 'live' })).toBe('connecting')
  expect(sceneOf({ ...before, answer: 'absent' })).toBe('soon')
  expect(sceneOf({ ...before, answer: 'absent', shownBefore: true })).toBe('ended')
  expect(sceneOf({ ...before, answer: 'grace' })).toBe('grace')
  expect(sceneOf({ ...before, answer: 'unreachable' })).toBe('away')
})

test('the last frame of an ended stream is covered', () => {
  expect(sceneOf({ answer: 'ended', showing: true, finished: true, shownBefore: true })).toBe('ended')
})
