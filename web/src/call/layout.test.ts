import { expect, test } from 'vitest'
import { crop, place, type Box } from './layout.ts'

const screens = { phone: [390, 700], sideways: [844, 300], desk: [1280, 720], wide: [2560, 900] } as const

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

test('tiles lie on the stage, apart from each other, and leave little of it empty', () => {
  for (const [name, [width, height]] of Object.entries(screens)) {
    for (let n = 1; n <= 6; n++) {
      for (const shown of [-1, 0, n - 1]) {
        const { boxes, floating } = place(n, width, height, shown)
        expect(boxes).toHaveLength(n)
        let room = 0
        for (const [i, box] of boxes.entries()) {
          const where = `${name}, ${n} tiles, ${shown} shown, tile ${i}: ${JSON.stringify(box)}`
          expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height, where).toBe(true)
          expect(box.width >= 90 && box.height >= 60, where).toBe(true)
          if (!floating) for (const other of boxes.slice(i + 1)) expect(overlap(box, other), where).toBe(false)
          room += box.width * box.height
        }
        expect(room / (width * height), `${name}, ${n} tiles, ${shown} shown`).toBeGreaterThan(n === 2 ? 0.7 : 0.55)
      }
    }
  }
})

test('a phone held upright stacks three, a desk puts four in a square', () => {
  expect(new Set(place(3, 390, 700).boxes.map((b) => b.x)).size).toBe(1)
  const four = place(4, 1280, 720).boxes
  expect([new Set(four.map((b) => b.x)).size, new Set(four.map((b) => b.y)).size]).toEqual([2, 2])
})

test('a desk shows three wide, a phone four in a square', () => {
  for (const box of place(3, 1280, 700).boxes) expect(box.width).toBeGreaterThan(box.height)
  expect(new Set(place(4, 390, 700).boxes.map((b) => b.x)).size).toBe(2)
})

test('at least two fifths of a picture are seen', () => {
  const wide = { width: 1280, height: 720 }
  expect(crop({ width: 800, height: 600 }, wide)).toEqual({ width: 800, height: 600 })
  const narrow = crop({ width: 390, height: 844 }, wide)
  expect(narrow.width).toBe(390)
  expect((narrow.width / narrow.height) / (16 / 9)).toBeCloseTo(0.4, 2)
  const upright = crop({ width: 1600, height: 500 }, { width: 720, height: 1280 })
  expect(upright.height).toBe(500)
  expect((9 / 16) / (upright.width / upright.height)).toBeCloseTo(0.4, 2)
  expect(crop({ width: 100, height: 100 }, { width: 0, height: 0 })).toEqual({ width: 100, height: 100 })
})

test('with two, one is large and oneself in the corner', () => {
  const { boxes, floating } = place(2, 390, 700)
  expect(floating).toBe(true)
  expect(boxes[0]).toEqual({ x: 0, y: 0, width: 390, height: 700 })
  expect(boxes[1]!.x + boxes[1]!.width).toBeLessThan(390)
})

test('a shown screen is the largest', () => {
  for (const [width, height] of Object.values(screens)) {
    const { boxes } = place(5, width, height, 2)
    const areas = boxes.map((b) => b.width * b.height)
    expect(Math.max(...areas)).toBe(areas[2])
    expect(areas[2]! / (width * height)).toBeGreaterThan(0.6)
  }
})

test('there is no stage yet', () => {
  expect(place(3, 0, 0).boxes).toEqual([])
  expect(place(0, 100, 100).boxes).toEqual([])
})
