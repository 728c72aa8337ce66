import { expect, test, vi } from 'vitest'
import { addressOf, publishing } from './publish.ts'

test('the address names the port and the app that are not the usual ones', () => {
  expect(addressOf('box.local', { port: 1935, app: 'live', key: true })).toBe('rtmp://box.local/live/NAME?key=KEY')
  expect(addressOf('192.0.2.7', { port: 19350, app: 'plane', key: true })).toBe('rtmp://192.0.2.7:19350/plane/NAME?key=KEY')
  expect(addressOf('[fd00::7]', { port: 1935, app: 'live', key: false })).toBe('rtmp://[fd00::7]/live/NAME')
})

test('a server that does not say has it as PSE has it by itself', async () => {
  vi.stubGlobal('fetch', async () => new Response('404 page not found', { status: 404 }))
  expect(await publishing()).toEqual({ port: 1935, app: 'live', key: true })
  vi.stubGlobal('fetch', async () => Response.json({ port: 1940, app: 'plane', key: false }))
  expect(await publishing()).toEqual({ port: 1940, app: 'plane', key: false })
})
