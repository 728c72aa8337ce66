import { expect, test } from 'vitest'
import { answerOf, pauseBefore, refusalWords, remedyOf } from './refused.ts'

test.each([
  ['{"error":"the quota is used up","code":"quota"}', 'quota', 'the quota is used up'],
  ['ERR_DISK_FULL: the disk is full\n', 'disk_full', 'the disk is full'],
  ['<html><h1>413 Request Entity Too Large</h1></html>', '', ''],
  ['{"error":1}', '', ''],
  ['', '', ''],
])('%s', (body, code, text) => {
  expect(answerOf(body)).toEqual({ code, text })
})

test.each([
  [0, '', 'again'],
  [500, 'storage', 'again'],
  [502, '', 'again'],
  [503, 'stopping', 'again'],
  [409, '', 'again'],
  [423, 'locked', 'again'],
  [460, 'checksum', 'again'],
  [507, 'disk_full', 'person'],
  [413, 'quota', 'person'],
  [413, 'too_large', 'person'],
  [413, '', 'smaller'],
  [401, 'no_key', 'key'],
  [403, 'wrong_key', 'key'],
  [403, 'read_only', 'person'],
  [403, '', 'person'],
  [400, 'bad_header', 'person'],
] as const)('after %d %s: %s', (status, code, remedy) => {
  expect(remedyOf(status, code)).toBe(remedy)
})

test('waits longer each time, to a limit, and not all at once', () => {
  expect(pauseBefore(0, 1)).toBe(1000)
  expect(pauseBefore(0, 0)).toBe(750)
  expect(pauseBefore(3, 1)).toBe(8000)
  expect(pauseBefore(400, 1)).toBe(30_000)
})

test('says what to do next', () => {
  expect(refusalWords({ status: 413, code: 'quota', message: '' })).toContain('Delete files')
  expect(refusalWords({ status: 507, code: '', message: '' })).toContain('disk')
  expect(refusalWords({ status: 400, code: 'rejected', message: 'no films here' })).toBe('The box refused it: no films here.')
})
