// webhook.mjs FILE-OF-THE-URL FILTER URL
//
// Posts every event that matches the filter, as stream.> or upload.completed.*,
// to a URL. What is not taken comes again, also what happened while this
// program, the receiver or PSE was away: up to 7 days.
import { connect } from '@nats-io/transport-node'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { integrator } from './integrator.mjs'

const [file, filter, url] = process.argv.slice(2)
const nc = await connect(integrator(file, 'webhook'))
const jsm = await jetstreamManager(nc)
await jsm.consumers.add('FEED', {
  durable_name: 'webhook-node',
  filter_subject: `events.v1.${filter}`,
  deliver_policy: 'all', // from the oldest there is; 'new': from now on
  ack_policy: 'explicit',
  max_ack_pending: 1, // in order: the next one when this one was taken
})
const consumer = await jetstream(nc).consumers.get('FEED', 'webhook-node')
console.log('posting')
for await (const message of await consumer.consume({ max_messages: 10 })) {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/cloudevents+json' },
      body: message.data,
      signal: AbortSignal.timeout(10_000),
    })
    if (!answer.ok) throw new Error(`${answer.status}`)
    message.ack()
  } catch (err) {
    console.error(`not taken, will try again: ${err.message}`)
    message.nak(2000) // ms
  }
}
