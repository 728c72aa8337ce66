// refuse.mjs FILE-OF-THE-URL NAME
//
// Refuses publishers of one stream name, and lets all others in. It uses the
// older package, nats, to show that it takes the same options.
import { connect, JSONCodec } from 'nats'
import { integrator } from './integrator.mjs'

const [file, name] = process.argv.slice(2)
const json = JSONCodec()
const nc = await connect(integrator(file, 'refuse'))
// Of several programs in this queue group one is asked.
const questions = nc.subscribe('hooks.v1.publish', { queue: 'hooks' })
await nc.flush()
console.log('answering')
for await (const question of questions) {
  const publisher = json.decode(question.data)
  const verdict = publisher.name === name
    ? { allow: false, reason: `nobody publishes ${name} here` }
    : { allow: true }
  question.respond(json.encode(verdict))
}
