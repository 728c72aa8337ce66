import { expect, test } from 'vitest'
import { moved } from './address.ts'

const box = { home: 'http://192.168.1.20:8080/', calls: 'https://192.168.1.20:8443/call/' }

test.each([
  ['http://127.0.0.1:8080/watch/a%20b', box, 'http://192.168.1.20:8080/watch/a%20b'],
  ['http://localhost:8080/call/kitchen?pass=x#y', box, 'https://192.168.1.20:8443/call/kitchen?pass=x#y'],
  ['http://[::1]:8080/call/kitchen', { home: 'https://live.example.org/' }, 'https://live.example.org/call/kitchen'],
  ['http://192.168.1.20:8080/f/1', { home: 'https://live.example.org/' }, 'http://192.168.1.20:8080/f/1'],
  ['http://127.0.0.1:8080/f/1', {}, 'http://127.0.0.1:8080/f/1'],
  ['http://127.0.0.1:8080/f/1', { home: 'http://127.0.0.1:9999/' }, 'http://127.0.0.1:8080/f/1'],
  ['http://127.0.0.1:8080/f/1', { home: 'no address' }, 'http://127.0.0.1:8080/f/1'],
])('%s with %o is %s', (link, said, want) => expect(moved(link, said)).toBe(want))
