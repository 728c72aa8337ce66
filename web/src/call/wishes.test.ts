import { expect, test } from 'vitest'
import { wishesOf } from './wishes.ts'

const of = (query: string, stored: string | null = null) => wishesOf(new URLSearchParams(query), stored)

test('the address decides what is on', () => {
  expect(of('')).toMatchObject({ audio: true, video: true, relayOnly: false, name: '' })
  expect(of('audio=0&video=0&relay=1')).toMatchObject({ audio: false, video: false, relayOnly: true })
})

test('last time is remembered, and nonsense forgotten', () => {
  expect(of('', '{"name":"Ann","camera":"c1"}')).toMatchObject({ name: 'Ann', camera: 'c1', microphone: undefined })
  expect(of('name=Bo', '{"name":"Ann"}').name).toBe('Bo')
  for (const stored of ['', 'null', '[1]', '{"name":7}', 'x']) expect(of('', stored)).toMatchObject({ name: '', camera: undefined })
})
