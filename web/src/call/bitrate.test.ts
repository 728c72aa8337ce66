import { expect, test } from 'vitest'
import { shareOf, BitrateController } from './bitrate.ts'

const good = { loss: 0, uplink: 800_000 }
const bad = { loss: 0.5, uplink: 800_000 }

test('the whole upload stays within what a home line carries', () => {
  for (let peers = 1; peers <= 5; peers++) expect(peers * shareOf(peers, false).maxBitrate).toBeLessThanOrEqual(2_500_000)
  expect(shareOf(5, true).scaleDown).toBe(1) // text must stay readable
})

test('a moment of loss keeps the picture, a bad line drops it and tries again', () => {
  const t = new BitrateController()
  expect(t.note(bad, 0)).toBe(true)
  expect(t.note(good, 3000)).toBe(true)
  expect(t.note(bad, 5000)).toBe(true)
  expect(t.note(bad, 10_900)).toBe(true)
  expect(t.note(bad, 11_000)).toBe(false)
  expect(t.note(good, 30_000)).toBe(false)
  expect(t.note(good, 31_000)).toBe(true)
})

test('each try in vain doubles the pause, up to two minutes', () => {
  const t = new BitrateController()
  const pauses: number[] = []
  let droppedAt: number | undefined
  for (let now = 0; now < 1_000_000; now += 1000) {
    const picture = t.note(bad, now)
    if (!picture) droppedAt ??= now
    else if (droppedAt !== undefined) {
      pauses.push(now - droppedAt)
      droppedAt = undefined
    }
  }
  expect(pauses.slice(0, 5)).toEqual([20_000, 40_000, 80_000, 120_000, 120_000])
})

test('too thin a line is bad without loss, an unknown one is not', () => {
  const t = new BitrateController()
  t.note({ loss: 0, uplink: 40_000 }, 0)
  expect(t.note({ loss: 0, uplink: 40_000 }, 6000)).toBe(false)
  const u = new BitrateController()
  u.note({ loss: undefined, uplink: undefined }, 0)
  expect(u.note({ loss: undefined, uplink: undefined }, 60_000)).toBe(true)
})
