import { expect, test } from 'vitest'
import { Negotiation, type Link } from './negotiation.ts'

/** A description that tells by its origin which it is. */
const sdpOf = (name: string) => `v=0\r\no=${name}\r\ns=-\r\n`

/** A connection that knows the signalling states and nothing of media. */
class FakeLink implements Link {
  signalingState: RTCSignalingState = 'stable'
  localDescription: RTCSessionDescriptionInit | null = null
  remoteDescription: RTCSessionDescriptionInit | null = null
  candidates: string[] = []
  rollbacks = 0
  private made = 0
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  async setLocalDescription(): Promise<void> {
    await undefined
    const answering = this.signalingState === 'have-remote-offer'
    this.localDescription = { type: answering ? 'answer' : 'offer', sdp: sdpOf(`${this.name}${++this.made}`) }
    this.signalingState = answering ? 'stable' : 'have-local-offer'
  }

  async setRemoteDescription(d: RTCSessionDescriptionInit): Promise<void> {
    await undefined
    if (d.type === 'offer') {
      if (this.signalingState === 'have-local-offer') this.rollbacks++
      this.signalingState = 'have-remote-offer'
    } else {
      if (this.signalingState !== 'have-local-offer') throw new Error(`answer in ${this.signalingState}`)
      this.signalingState = 'stable'
    }
    this.remoteDescription = d
  }

  async addIceCandidate(c: RTCIceCandidateInit): Promise<void> {
    await undefined
    if (!this.remoteDescription) throw new Error('no description')
    if (c.candidate?.startsWith('lost')) throw new Error('no such line')
    this.candidates.push(c.candidate ?? '')
  }
}

/** Two sides, and the words between them; deliver carries them over. */
function pair() {
  const words: { to: number; d: { type: 'offer' | 'answer'; sdp: string; offer: string | undefined } }[] = []
  const troubles: unknown[] = []
  let prepared = 0
  const links = [new FakeLink('early'), new FakeLink('late')] as const
  const sides = links.map(
    (link, i) =>
      new Negotiation(link, i === 1, {
        send: (d, offer) => words.push({ to: 1 - i, d: { type: d.type as 'offer' | 'answer', sdp: d.sdp ?? '', offer } }),
        prepare: async () => void prepared++,
        trouble: (cause) => troubles.push(cause),
      }),
  ) as [Negotiation, Negotiation]
  const deliver = async () => {
    for (let w = words.shift(); w; w = words.shift()) await sides[w.to]!.takeDescription(w.d)
  }
  return { links, sides, words, troubles, deliver, prepared: () => prepared }
}

test('an offer is answered, with our media prepared before', async () => {
  const p = pair()
  await p.sides[0].offer()
  await p.deliver()
  expect(p.links.map((l) => l.signalingState)).toEqual(['stable', 'stable'])
  expect(p.prepared()).toBe(1)
  expect(p.troubles).toEqual([])
})

test('of two offers that cross, the earlier member\'s holds', async () => {
  const p = pair()
  await Promise.all(p.sides.map((s) => s.offer()))
  expect(p.words).toHaveLength(2)
  await p.deliver()
  expect(p.links.map((l) => l.signalingState)).toEqual(['stable', 'stable'])
  expect(p.links.map((l) => l.rollbacks)).toEqual([0, 1])
  expect(p.links[1].remoteDescription?.sdp).toBe(sdpOf('early1'))
  expect(p.troubles).toEqual([])
})

test('an offer that comes while ours is being made crosses it too', async () => {
  const p = pair()
  await p.sides[1].offer()
  const making = p.sides[0].offer()
  await p.deliver()
  await making
  await p.deliver()
  expect(p.links.map((l) => l.signalingState)).toEqual(['stable', 'stable'])
  expect(p.troubles).toEqual([])
})

test('candidates wait for their description, in order', async () => {
  const p = pair()
  void p.sides[1].takeCandidate({ candidate: 'a' })
  void p.sides[1].takeCandidate({ candidate: 'b' })
  await p.sides[0].offer()
  await p.deliver()
  await p.sides[1].takeCandidate({ candidate: 'c' })
  expect(p.links[1].candidates).toEqual(['a', 'b', 'c'])
})

test('candidates of an ignored offer are no trouble, others are', async () => {
  const p = pair()
  await p.sides[0].offer()
  await p.deliver()
  await Promise.all(p.sides.map((s) => s.offer()))
  const mine = p.words.findIndex((w) => w.to === 1)
  const [offer] = p.words.splice(mine, 1)
  await p.deliver() // the late one's offer, which the early one ignores
  await p.sides[0].takeCandidate({ candidate: 'lost' })
  expect(p.troubles).toEqual([])
  p.words.push(offer!)
  await p.deliver()
  await p.sides[1].takeCandidate({ candidate: 'lost' })
  expect(p.troubles).toHaveLength(1)
})

test('a second answer and one out of place are passed over', async () => {
  const p = pair()
  await p.sides[0].takeDescription({ type: 'answer', sdp: 'stray' })
  await p.sides[0].offer()
  await p.deliver()
  await p.sides[0].takeDescription({ type: 'answer', sdp: 'twice' })
  expect(p.links[0].remoteDescription?.sdp).toBe(sdpOf('late1'))
  expect(p.troubles).toEqual([])
})

test('an offer without an answer is sent again as it was', async () => {
  const p = pair()
  expect(p.sides[0].again()).toBe(false)
  await p.sides[0].offer()
  p.words.length = 0 // lost, with the peer that should have heard it
  expect(p.sides[0].again()).toBe(true)
  await p.deliver()
  expect(p.links.map((l) => l.signalingState)).toEqual(['stable', 'stable'])
})

test('an answer to an offer of before is passed over, and the one that is waited for is taken', async () => {
  const p = pair()
  await p.sides[0].offer()
  await p.sides[0].takeDescription({ type: 'answer', sdp: 'of another connection', offer: 'early0' })
  expect(p.links[0].signalingState).toBe('have-local-offer')
  await p.deliver()
  expect(p.links[0].remoteDescription?.sdp).toBe(sdpOf('late1'))
  expect(p.troubles).toEqual([])
})

test('an old client does not say which offer it answers', async () => {
  const p = pair()
  await p.sides[0].offer()
  await p.sides[0].takeDescription({ type: 'answer', sdp: 'old' })
  expect(p.links[0].remoteDescription?.sdp).toBe('old')
})
