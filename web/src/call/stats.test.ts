import { expect, test } from 'vitest'
import { sampleOf } from './stats.ts'

const pair = { type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r', currentRoundTripTime: 0.04, availableOutgoingBitrate: 900_000 }
const media: [string, Record<string, unknown>][] = [
  ['a', { type: 'inbound-rtp', kind: 'audio', bytesReceived: 1000, packetsReceived: 50, packetsLost: 1 }],
  ['v', { type: 'inbound-rtp', kind: 'video', bytesReceived: 9000, packetsReceived: 80, packetsLost: 2, totalFreezesDuration: 0.5, framesDecoded: 25 }],
  ['ra', { type: 'remote-inbound-rtp', fractionLost: 0.02 }],
  ['rv', { type: 'remote-inbound-rtp', fractionLost: 0.1 }],
]

test('sums the media and finds the way it takes', () => {
  const s = sampleOf([...media, ['t', { type: 'transport', selectedCandidatePairId: 'p' }], ['p', pair],
    ['l', { type: 'local-candidate', candidateType: 'host' }], ['r', { type: 'remote-candidate', candidateType: 'relay' }]], 7)
  expect(s).toEqual({ at: 7, bytes: 10_000, received: 130, lost: 3, frozen: 500, frames: 25, lossOut: 0.1, rtt: 40, path: 'relay', uplink: 900_000 })
})

test('without a transport the nominated pair counts', () => {
  const s = sampleOf([['q', { type: 'candidate-pair', state: 'failed' }], ['p', { ...pair, nominated: true, state: 'succeeded' }],
    ['l', { candidateType: 'host' }], ['r', { candidateType: 'srflx' }]], 0)
  expect(s.path).toBe('direct')
  expect(s.rtt).toBe(40)
})

test('of a connection that is not up nothing is known', () => {
  expect(sampleOf([], 0)).toMatchObject({ path: 'unknown', rtt: undefined, lossOut: undefined })
})
