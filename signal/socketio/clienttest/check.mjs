// What every client script needs: one event awaited, one thing compared, and
// an end that says what was missing.
import assert from 'node:assert/strict'

export const [, , library, url, transports] = process.argv
export const names = transports.split(',') // polling, websocket or both: an upgrade

// once is the arguments of the next event.
export const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)))

export const same = (got, want, what) => assert.deepEqual(got, want, what)

// text compares JSON with its order of keys.
export const text = (got, want, what) => assert.equal(JSON.stringify(got), JSON.stringify(want), what)

// bytes makes what binary a client gave comparable.
export const bytes = (b) => [...new Uint8Array(b instanceof ArrayBuffer ? b : b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength))]

// run runs the steps one by one and tells which one failed.
export async function run(steps) {
  for (const step of steps) {
    let late
    const waited = new Promise((_, reject) => { late = setTimeout(() => reject(new Error('it does not happen')), 15_000) })
    try {
      await Promise.race([step(), waited])
    } catch (e) {
      console.error(`${library} by ${transports}, ${step.name}:`, e)
      process.exit(1)
    }
    clearTimeout(late)
  }
  process.exit(0)
}
