import { expect, test } from 'vitest'
import { readWord, writeCandidate, writeDescription } from './word.ts'

const line = 'candidate:1 1 udp 2122260223 10.0.0.2 40000 typ host'

test('candidates of every dialect', () => {
  const want = { type: 'candidate', candidate: { candidate: line, sdpMid: '0', sdpMLineIndex: 0 } }
  expect(readWord({ type: 'candidate', label: 0, id: '0', candidate: line })).toEqual(want)
  expect(readWord({ candidate: line, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'x' })).toEqual(want)
  expect(readWord(writeCandidate(want.candidate))).toEqual(want)
  expect(readWord({ candidate: line })).toBeUndefined()
})

test('ours carry the fields of Android too', () => {
  expect(writeCandidate({ candidate: line, sdpMid: '1', sdpMLineIndex: 1 })).toMatchObject({ type: 'candidate', id: '1', label: 1 })
})

test('descriptions tell the modern from the old', () => {
  expect(readWord({ type: 'offer', sdp: 'v=0' })).toEqual({ type: 'offer', sdp: 'v=0', modern: false, was: undefined })
  expect(readWord(writeDescription({ type: 'answer', sdp: 'v=0' }, 'before'))).toEqual({ type: 'answer', sdp: 'v=0', modern: true, was: 'before' })
})

test('what is none of ours is left alone', () => {
  for (const payload of [null, undefined, 7, 'got user media', {}, [], { type: 'offer' }, { type: 'answer', sdp: 1 }, { candidate: {} }]) {
    expect(readWord(payload)).toBeUndefined()
  }
  expect(readWord('bye')).toEqual({ type: 'bye' })
  expect(readWord({ type: 'state', audio: true, video: 'yes' })).toEqual({ type: 'state', audio: true, video: false, screen: false })
})
