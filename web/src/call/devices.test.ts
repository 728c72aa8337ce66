import { expect, test } from 'vitest'
import { next, otherFacing, pick, sort } from './devices.ts'

const cameras = [{ id: 'a', label: 'Front' }, { id: 'b', label: 'Back' }]

test('sorts what the browser lists, and names what it does not', () => {
  const listed = sort([
    { kind: 'videoinput', deviceId: 'a', label: 'Front' },
    { kind: 'audioinput', deviceId: '', label: '' },
    { kind: 'audioinput', deviceId: 'communications', label: 'Communications' },
    { kind: 'audiooutput', deviceId: 'x', label: 'Speaker' },
  ])
  expect(listed).toEqual({ cameras: [{ id: 'a', label: 'Front' }], microphones: [{ id: '', label: 'Microphone 1' }] })
})

test('the device of last time, if it is still there', () => {
  expect(pick(cameras, 'b')).toBe('b')
  expect(pick(cameras, 'gone')).toBeUndefined()
  expect(pick(cameras, undefined)).toBeUndefined()
  expect(pick([{ id: '', label: 'Camera 1' }], '')).toBeUndefined()
})

test('the next camera', () => {
  expect(next(cameras, 'a')?.id).toBe('b')
  expect(next(cameras, 'b')?.id).toBe('a')
  expect(next(cameras, 'gone')?.id).toBe('a')
  expect(next([], 'a')).toBeUndefined()
  expect(otherFacing('user')).toBe('environment')
  expect(otherFacing('environment')).toBe('user')
  expect(otherFacing(undefined)).toBeUndefined()
})
