import { expect, test } from 'vitest'
import { SendQueue } from './send-queue.ts'

test('what has not arrived waits, in order', () => {
  const box = new SendQueue()
  const [a, b, c] = ['a', 'b', 'c'].map((p) => box.put(p, 'x'))
  box.arrived(b!.id)
  expect(box.waiting()).toEqual([a, c])
  expect(new Set([a!.id, b!.id, c!.id]).size).toBe(3)
  box.clear()
  expect(box.waiting()).toEqual([])
  expect(box.put('d', 'x').id).not.toBe(a!.id)
})

test('a server that acknowledges nothing does not fill the memory', () => {
  const box = new SendQueue(3)
  for (let i = 0; i < 10; i++) box.put(i, 'x')
  expect(box.waiting().map((l) => l.payload)).toEqual([7, 8, 9])
})
