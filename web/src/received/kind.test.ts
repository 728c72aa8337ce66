import { expect, test } from 'vitest'
import { kindOf } from './kind.ts'

test.each([
  ['image/jpeg', 'picture'],
  ['image/svg+xml', 'none'],
  ['image/heic', 'none'],
  ['video/mp4', 'video'],
  ['Audio/MPEG', 'audio'],
  ['application/ogg', 'audio'],
  ['text/plain; charset=utf-8', 'text'],
  ['text/html; charset=utf-8', 'text'],
  ['application/json', 'text'],
  ['application/pdf', 'pdf'],
  ['application/zip', 'none'],
  ['application/octet-stream', 'none'],
  ['', 'none'],
])('%s: %s', (type, kind) => {
  expect(kindOf(type, true)).toBe(kind)
})

test('a browser without a viewer shows no PDF', () => {
  expect(kindOf('application/pdf', false)).toBe('none')
})
