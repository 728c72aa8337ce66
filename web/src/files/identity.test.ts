import { expect, test } from 'vitest'
import { Identity } from './identity.ts'

class Shelf implements Pick<Storage, 'getItem' | 'setItem'> {
  readonly all = new Map<string, string>()
  getItem = (k: string) => this.all.get(k) ?? null
  setItem = (k: string, v: string) => void this.all.set(k, v)
}

const made = 'f'.repeat(32)
const of = (s: Shelf) => new Identity(s as unknown as Storage, () => made)

test('a token is made once', () => {
  const shelf = new Shelf()
  expect(of(shelf).headers).toEqual({ Authorization: `Bearer ${made}` })
  expect(new Identity(shelf as unknown as Storage, () => 'another').headers).toEqual({ Authorization: `Bearer ${made}` })
})

test('a key is kept, goes before the token, and can be taken back', () => {
  const shelf = new Shelf()
  of(shelf).take(' k3y ')
  expect(of(shelf).headers).toEqual({ Authorization: 'Bearer k3y' })
  expect(of(shelf).keyed).toBe(true)
  of(shelf).take('')
  expect(of(shelf).keyed).toBe(false)
  expect(of(shelf).headers).toEqual({ Authorization: `Bearer ${made}` })
})

test.each(['', '{', 'null', '{"token":1}', '{"token":"short"}'])('what is no identity is made anew: %s', (text) => {
  const shelf = new Shelf()
  shelf.setItem('pse.files', text)
  expect(of(shelf).headers).toEqual({ Authorization: `Bearer ${made}` })
})

test('works without storage', () => {
  expect(new Identity(undefined, () => made).headers).toEqual({ Authorization: `Bearer ${made}` })
})

test('a token is not to be guessed', () => {
  expect(new Identity(undefined).headers['Authorization']).toMatch(/^Bearer [0-9a-f]{32}$/)
  expect(new Identity(undefined).headers).not.toEqual(new Identity(undefined).headers)
})
