import { afterEach, expect, test, vi } from 'vitest'
import { trusts, verdict } from './trust.ts'

const page = new URL('http://192.168.1.20:8080/certificate')
afterEach(() => vi.unstubAllGlobals())

test.each([
  ['answers', async () => new Response(), 'yes'],
  ['is refused', () => Promise.reject(new TypeError('Failed to fetch')), 'no'],
  ['is silent', () => Promise.reject(new DOMException('late', 'TimeoutError')), 'unknown'],
] as const)('an address that %s', async (_, fetch, trust) => {
  vi.stubGlobal('fetch', fetch)
  expect(await trusts('https://192.168.1.20:8443/', page)).toBe(trust)
})

test('over https, where no service worker can be, nothing is told', async () => {
  vi.stubGlobal('navigator', {})
  expect(await trusts('https://192.168.1.20:8443/', new URL('https://192.168.1.20:8443/certificate'))).toBe('unknown')
})

test('what is said names the port to look at', () => {
  expect(verdict('no', 8443)).toContain('port 8443')
  expect(verdict('unknown', 443)).toContain('port 443')
})
