import { expect, test } from 'vitest'
import { pieceSize } from './piece.ts'

const MiB = 1 << 20

test.each([
  ['nothing is known', undefined, Infinity, 4 * MiB],
  ['a slow phone', 20_000, Infinity, MiB],
  ['a usual uplink', 2 * MiB, Infinity, 20 * MiB],
  ['a fast network', 110 * MiB, Infinity, 64 * MiB],
  ['a proxy that takes less', 2 * MiB, 512 << 10, 512 << 10],
  ['nothing moves', 0, Infinity, MiB],
] as const)('%s', (_, speed, limit, want) => {
  expect(pieceSize(speed, limit)).toBe(want)
})
