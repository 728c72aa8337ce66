import { expect, test } from 'vitest'
import { cushionFor, rateFor } from './latency.ts'

test('the rate rises with what is too much, and never falls below 1', () => {
  const rates = [-1, 0, 0.05, 0.1, 0.3, 1, 5].map(rateFor)
  expect(rates[0]).toBe(1)
  expect(rates.at(-1)).toBe(1.2)
  expect(rates).toEqual([...rates].sort())
})

test('parts of 200 ms ask for a cushion of 0.7 s', () => {
  expect(cushionFor(0.2)).toBeCloseTo(0.7)
})
