// scan.mjs FILE-OF-THE-URL PROGRAM [ARGUMENT...]
//
// Has a scanner look at each file before anybody gets it. The program is given
// the file's path, and ends with 0 (clean) or 1 (not), as clamscan does; any
// other end is no verdict, and the file is asked about again. It must run where
// the files are. PSE waits for transfer.complete.timeout.
import { execFile } from 'node:child_process'
import { connect } from '@nats-io/transport-node'
import { integrator } from './integrator.mjs'

const [file, program, ...args] = process.argv.slice(2)
const nc = await connect(integrator(file, 'scan'))
const questions = nc.subscribe('hooks.v1.complete', { queue: 'hooks' })
await nc.flush()
console.log('answering')

function scan(path) {
  return new Promise((done) => {
    execFile(program, [...args, path], (err) => {
      if (!err) done({ allow: true })
      else if (err.code === 1) done({ allow: false, reason: 'the scanner found something in it' })
      else done({}) // no verdict
    })
  })
}

for await (const question of questions) {
  scan(question.json().path).then((verdict) => question.respond(JSON.stringify(verdict)))
}
