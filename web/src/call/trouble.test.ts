import { expect, test } from 'vitest'
import { obstacle, troubleOf, troubleWords, type Trouble } from './trouble.ts'

const named = (name: string) => Object.assign(new Error('x'), { name })

test('what went wrong', () => {
  expect(troubleOf(named('NotAllowedError'))).toBe('denied')
  expect(troubleOf(named('NotFoundError'))).toBe('absent')
  expect(troubleOf(named('OverconstrainedError'))).toBe('absent')
  expect(troubleOf(named('NotReadableError'))).toBe('busy')
  expect(troubleOf(named('TypeError'))).toBe('broken')
  expect(troubleOf('?')).toBe('broken')
  expect(obstacle(false, false)).toBe('insecure')
  expect(obstacle(true, false)).toBe('unsupported')
  expect(obstacle(true, true)).toBeUndefined()
})

test('each trouble ends with what to do', () => {
  for (const t of ['insecure', 'unsupported', 'denied', 'absent', 'busy', 'broken'] satisfies Trouble[]) {
    const [title, text] = troubleWords(t, 'camera')
    expect(title).not.toBe('')
    expect(text).toMatch(/Open|Try|Allow|Connect|Close/)
  }
})
