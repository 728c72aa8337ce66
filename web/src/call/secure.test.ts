import { expect, test } from 'vitest'
import { secureAddress } from './secure.ts'

test('the same page over https, on the port the box has for it', () => {
  expect(secureAddress(new URL('http://192.168.1.7:8080/call/family?audio=0'), 8443)).toBe('https://192.168.1.7:8443/call/family?audio=0')
  expect(secureAddress(new URL('http://[fd00::1]/#family'), 443)).toBe('https://[fd00::1]/#family')
  expect(secureAddress(new URL('http://192.168.1.7:8080/call/family'), 8443, 'live.example.org')).toBe('https://live.example.org:8443/call/family')
  expect(secureAddress(new URL('http://192.168.1.7:8080/call/family'), 443, '2001:db8::1')).toBe('https://[2001:db8::1]/call/family')
})
