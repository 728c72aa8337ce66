import { expect, test } from 'vitest'
import pairs from '../../../signal/testdata/rooms.json'
import { freshRoom, isRoom, labelOf, linkOf, roomFrom, roomOf, roomOrFresh } from './room.ts'

test('the room of an address', () => {
  const of = (address: string) => roomOf(new URL(address, 'https://box:8443'))
  expect(of('/call/family')).toBe('family')
  expect(of('/call/family/')).toBe('family')
  expect(of('/call/a%20b')).toBe('a b')
  expect(of('/call/100%')).toBe('100%')
  expect(of('/call/')).toBe('')
  expect(of('/?room=family&audio=0')).toBe('family')
  expect(of('/#family')).toBe('family')
  expect(of('/')).toBe('')
})

test('the link of a room leads back to it', () => {
  for (const address of ['https://box/call/family?audio=0', 'https://box:11794/#family', 'https://box:11794/?room=other']) {
    expect(roomOf(new URL(linkOf(new URL(address), 'family')))).toBe('family')
  }
  expect(linkOf(new URL('https://box/call/x?pass=a%2Bb&audio=0#y'), 'family')).toBe('https://box/call/family?pass=a%2Bb')
})

test('what people type becomes a room', () => {
  expect(roomFrom('Sunday dinner!')).toBe('sunday_dinner')
  expect(roomFrom(' Café 12 ')).toBe('cafe_12')
  expect(roomFrom('☀')).toBe('')
  expect(isRoom(roomFrom('x'.repeat(100)))).toBe(true)
  expect(roomOrFresh(' Sunday_12 ')).toBe('Sunday_12')
  expect(roomOrFresh('Sunday 12')).toBe('sunday_12')
  expect(isRoom(roomOrFresh('☀'))).toBe(true)
  expect(isRoom('a b')).toBe(false)
  expect(isRoom('')).toBe(false)
})

test('names of any script are one room for all who type them', () => {
  for (const { typed, room, label } of pairs) {
    expect(roomFrom(typed)).toBe(room)
    expect(isRoom(room) || room === '').toBe(true)
    expect(labelOf(room)).toBe(label)
    if (room !== '') expect(roomOrFresh(typed)).toBe(room)
  }
  expect(isRoom(roomFrom('語'.repeat(100)))).toBe(true)
  expect(labelOf('xn__!')).toBe('xn__!')
})

test('fresh rooms are valid and differ', () => {
  const rooms = new Set(Array.from({ length: 100 }, freshRoom))
  expect(rooms.size).toBe(100)
  for (const room of rooms) expect(room).toMatch(/^[a-z2-9]{4}(_[a-z2-9]{4}){2}$/)
})
