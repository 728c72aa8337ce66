import { expect, test } from 'vitest'
import { loudness, shown, SPEAKING } from './meter.ts'

test('levels as they are heard', () => {
  expect(loudness(new Float32Array(64))).toBe(0)
  expect(loudness(new Float32Array(64).fill(1))).toBe(1)
  expect(shown(0.001)).toBeCloseTo(0)
  expect(shown(0.0316)).toBeCloseTo(0.5)
  expect(shown(0.05)).toBeGreaterThan(SPEAKING) // speech
  expect(shown(0.005)).toBeLessThan(SPEAKING) // a quiet room
  expect(shown(7)).toBe(1)
})
