import { expect, test } from 'vitest'
import { ended, endWords, nameOf, type Link } from './link.ts'

const NOW = 1_800_000_000_000

const link = (expiresAt?: number, label = ''): Link => ({ key: 'k', page: '/f/a-k', label, createdAt: NOW, expiresAt })

test('until when it works', () => {
  expect(endWords(link(), NOW)).toBe('Works as long as the file')
  expect(endWords(link(NOW + 3 * 86_400_000), NOW)).toBe('Ends in 3 days')
  expect(endWords(link(NOW + 20_000), NOW)).toBe('Ends in 20 seconds')
  expect(endWords(link(NOW - 20_000), NOW)).toBe('Ended 20 seconds ago')
})

test('it ends at its time, not after it', () => {
  expect(ended(link(), NOW)).toBe(false)
  expect(ended(link(NOW + 1), NOW)).toBe(false)
  expect(ended(link(NOW), NOW)).toBe(true)
})

test('what it is called', () => {
  expect(nameOf(link())).toBe('Link without a name')
  expect(nameOf(link(undefined, 'Anna'))).toBe('Anna')
})
