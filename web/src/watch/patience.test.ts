import { expect, test } from 'vitest'
import { Patience } from './patience.ts'

test('a page that waits for a stream asks less and less, and at once when something has changed', () => {
  const p = new Patience()
  const all = Array.from({ length: 60 }, () => p.pause('soon', 20))
  expect(all[0]).toBe(1000)
  expect(all.every((ms, i) => i === 0 || ms >= all[i - 1]!)).toBe(true)
  expect(all[59]).toBe(15_000)
  expect(p.pause('connecting', 20)).toBe(500)
  expect(p.pause('soon', 20)).toBe(1000)
})

test('a server that waits itself is asked again at once, one that is away is not', () => {
  const p = new Patience()
  for (let i = 0; i < 20; i++) expect(p.pause('ended', 8000)).toBe(100)
  for (let i = 0; i < 20; i++) p.pause('away', 8000)
  expect(p.pause('away', 8000)).toBe(15_000)
})
