import { expect, test } from 'vitest'
import { nameOf, playlistOf, watchPageOf } from './streams.ts'

test('any name survives the way through an address', () => {
  for (const name of ['garden', 'garden & co', 'ägäis ☀', "Helena's phone", 'a+b', 'a=b;c', '..a']) {
    expect(nameOf(watchPageOf(name))).toBe(name)
    expect(playlistOf(name)).toBe(`/hls/${encodeURIComponent(name)}/index.m3u8`)
  }
})

test('an address that is no encoding is taken as it is', () => {
  expect(nameOf('/watch/100%')).toBe('100%')
  expect(nameOf('/watch/garden/')).toBe('garden')
})
