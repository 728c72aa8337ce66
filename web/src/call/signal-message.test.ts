import { expect, test } from 'vitest'
import { readMessage, writeCandidate, writeDescription } from './signal-message.ts'

const line = 'candidate:1 1 udp 2122260223 10.0.0.2 40000 typ host'

test('candidates of every dialect', () => {
  const want = { type: 'candidate', candidate: { candidate: line, sdpMid: '0', sdpMLineIndex: 0 } }
  expect(readMessage({ type: 'candidate', label: 0, id: '0', candidate: line })).toEqual(want)
  expect(readMessage({ candidate: line, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'x' })).toEqual(want)
  expect(readMessage(writeCandidate(want.candidate))).toEqual(want)
  expect(readMessage({ candidate: line })).toBeUndefined()
})

test('ours carry the fields of Android too', () => {
  expect(writeCandidate({ candidate: line, sdpMid: '1', sdpMLineIndex: 1 })).toMatchObject({ type: 'candidate', id: '1', label: 1 })
})

test('descriptions tell the modern from the old', () => {
  expect(readMessage({ type: 'offer', sdp: 'v=0' })).toEqual({ type: 'offer', sdp: 'v=0', modern: false, was: undefined, anew: false })
  expect(readMessage(writeDescription({ type: 'answer', sdp: 'v=0' }, 'before', true))).toEqual({ type: 'answer', sdp: 'v=0', modern: true, was: 'before', anew: true })
  expect(readMessage(writeDescription({ type: 'answer', sdp: 'v=0' }, undefined, false, '- 7 2 IN IP4 127.0.0.1'))).toMatchObject({ offer: '- 7 2 IN IP4 127.0.0.1' })
})

test('what is none of ours is left alone', () => {
  for (const payload of [null, undefined, 7, 'got user media', {}, [], { type: 'offer' }, { type: 'answer', sdp: 1 }, { candidate: {} }]) {
    expect(readMessage(payload)).toBeUndefined()
  }
  expect(readMessage('bye')).toEqual({ type: 'bye' })
  expect(readMessage({ type: 'state', audio: true, video: 'yes' })).toEqual({ type: 'state', audio: true, video: false, screen: false })
})
