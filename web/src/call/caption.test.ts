import { expect, test } from 'vitest'
import { initials, nameOf, waiting } from './caption.ts'

test('a member without a name is a guest, with a number when there are more', () => {
  const all = [{ id: 'a', name: '' }, { id: 'b', name: 'Bo' }, { id: 'c', name: '' }]
  expect(nameOf('Bo', 'b', all)).toBe('Bo')
  expect(nameOf('', 'c', all)).toBe('Guest 2')
  expect(nameOf('', 'a', all.slice(0, 2))).toBe('Guest')
})

test('messages for a face', () => {
  expect(initials('Ann')).toBe('A')
  expect(initials('Ann Marie  Lee')).toBe('AL')
  expect(initials('😀 x')).toBe('😀X')
  expect(initials('Guest 2')).toBe('G2')
  expect(initials('  ')).toBe('')
})

test('the first connection is another wait than the next', () => {
  expect(waiting('connecting', false)).toBe('Connecting…')
  expect(waiting('connecting', true)).toBe('Reconnecting…')
  expect(waiting('failed', false)).toBe('Reconnecting…')
  expect(waiting('connected', true)).toBe('')
})
