// record.mjs FILE-OF-THE-URL HTTP STREAM RENDITION OUT.mp4
//
// Records a rendition of a stream, part by part as they are told, until the
// stream has ended. A durable consumer keeps the place: started again within the
// window (bus.dvr, 2 minutes), it goes on where it was.
import { createWriteStream } from 'node:fs'
import { connect } from '@nats-io/transport-node'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { integrator } from './integrator.mjs'

const [file, http, stream, rendition, out] = process.argv.slice(2)
const nc = await connect(integrator(file, 'record'))
const jsm = await jetstreamManager(nc)
await jsm.consumers.add('FEED', {
  durable_name: 'record-node',
  filter_subjects: [`events.v1.segment.ready.${stream}`, `events.v1.stream.ended.${stream}`],
  deliver_policy: 'new',
  ack_policy: 'explicit',
})
const consumer = await jetstream(nc).consumers.get('FEED', 'record-node')
const output = createWriteStream(out, { flags: 'a' })

async function get(path) {
  const answer = await fetch(`${http}/hls/${encodeURIComponent(stream)}/${rendition}/${path}`)
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return answer
}

console.log('recording')
let started = false
let ended = false
for (;;) {
  // When the stream has ended, others tell of the last segments, maybe later.
  const message = await consumer.next({ expires: ended ? 5_000 : 30_000 }) // ms
  if (!message && ended) break
  if (!message) continue
  const { type, data } = message.json()
  ended ||= type === 'stream.ended'
  if (data.rendition === rendition) {
    if (!started || data.discontinuity) { // the parameters may be others
      const list = await (await get('index.m3u8')).text()
      const map = list.match(/#EXT-X-MAP:URI="([^"]+)"/g).at(-1).match(/"([^"]+)"/)[1]
      output.write(Buffer.from(await (await get(map)).arrayBuffer()))
      started = true
    }
    output.write(Buffer.from(await (await get(`${data.msn}.m4s`)).arrayBuffer()))
  }
  message.ack()
}
await new Promise((done) => output.end(done))
await nc.close()
console.log('recorded')
