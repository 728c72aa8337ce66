import { expect, test } from 'vitest'
import { shouldRetry } from './policy.ts'

const config = { maxNumRetry: 100 }
const status = (code: number) => ({ url: '', code })

test('a killed server is asked again: refused connections and 5xx', () => {
  for (const code of [0, 429, 500, 502, 503, 504]) expect(shouldRetry(config, 50, false, status(code))).toBe(true)
  expect(shouldRetry(config, 50, true, undefined)).toBe(true)
})

test('a 404 is asked again a few times, for an edge that has just started', () => {
  expect(shouldRetry(config, 2, false, status(404))).toBe(true)
  expect(shouldRetry(config, 3, false, status(404))).toBe(false)
})

test('what cannot get better is not asked again', () => {
  expect(shouldRetry(config, 0, false, status(403))).toBe(false)
  expect(shouldRetry(config, 0, false, undefined)).toBe(false)
  expect(shouldRetry(null, 0, false, status(0))).toBe(false)
})

test('it ends', () => {
  expect(shouldRetry(config, 100, false, status(0))).toBe(false)
  expect(shouldRetry(config, 100, true, undefined)).toBe(false)
})
