import { expect, test } from 'vitest'
import { Rate } from './rate.ts'

/** Feeds steps of 500 ms, each of so many bytes. */
function fed(...steps: number[]): Rate {
  const rate = new Rate(0, 0)
  let amount = 0
  steps.forEach((n, i) => rate.reach((amount += n), (i + 1) * 500))
  return rate
}

test('says nothing before it knows anything', () => {
  expect(new Rate(0, 0).speed).toBeUndefined()
  expect(fed(1000).speed).toBeUndefined()
  expect(fed(1000).left(10)).toBeUndefined()
})

test('a steady flow is exact from the beginning', () => {
  expect(fed(500, 500).speed).toBeCloseTo(1000)
  expect(fed(500, 500, 500, 500).left(10_000)).toBeCloseTo(10_000)
})

test('a burst moves it a little, a change in the end wholly', () => {
  const steady = Array<number>(40).fill(500)
  const burst = fed(...steady, 5000).speed!
  expect(burst).toBeGreaterThan(1000)
  expect(burst).toBeLessThan(2500)
  expect(fed(...steady, ...Array<number>(60).fill(50)).speed).toBeCloseTo(100, -1)
})

test('what stands still is never ready', () => {
  const rate = fed(500, 500, ...Array<number>(200).fill(0))
  expect(rate.left(1000)).toBeUndefined()
})

test('falling back, as after a lost connection, is no negative speed', () => {
  const rate = new Rate(1000, 0)
  rate.reach(0, 5000)
  expect(rate.speed).toBe(0)
})
