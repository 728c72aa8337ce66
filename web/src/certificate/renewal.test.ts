import { expect, test } from 'vitest'
import { renewal } from './renewal.ts'
import type { Said } from './said.ts'

const said: Said = { private: true, fingerprint: 'NEW', since: '2031-03-03T10:00:00Z', until: '2036-03-02T10:00:00Z' }
const at = (time: string) => Date.parse(time)

test('a first root is nobody’s news', () => {
  expect(renewal(said, at('2031-03-04T00:00:00Z'), null)).toBe('')
})

test('while both are good it says until when', () => {
  const both = { ...said, earlier: { fingerprint: 'OLD', until: '2031-08-30T10:00:00Z' } }
  expect(renewal(both, at('2031-03-04T00:00:00Z'), null)).toContain('before 30 August 2031')
  expect(renewal(both, at('2031-08-30T09:00:00Z'), 'OLD')).toContain('before 30 August 2031')
})

test('a root that took over at once is told of for half a year', () => {
  const once = { ...said, earlier: { fingerprint: 'OLD' } }
  expect(renewal(once, at('2031-03-04T00:00:00Z'), null)).toContain('since 3 March 2031')
  expect(renewal(once, at('2031-10-01T00:00:00Z'), null)).toBe('')
})

test('a device that has it is left in peace', () => {
  const both = { ...said, earlier: { fingerprint: 'OLD', until: '2031-08-30T10:00:00Z' } }
  expect(renewal(both, at('2031-03-04T00:00:00Z'), 'NEW')).toBe('')
  expect(renewal({ ...both, private: false }, at('2031-03-04T00:00:00Z'), null)).toBe('')
})
