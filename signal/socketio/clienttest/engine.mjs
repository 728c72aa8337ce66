// An engine.io-client, 6 or 3, at the mirror: each message comes back.
import { bytes, library, names, once, run, same, url } from './check.mjs'

const module = await import(library)
const open = () => (module.Socket ? new module.Socket(url, { path: '/engine.io/', transports: names }) : module.default(url, { path: '/engine.io/', transports: names }))
const upgrades = names.length > 1

let socket
async function connects() {
  socket = open()
  const upgraded = upgrades && once(socket, 'upgrade')
  await once(socket, 'open')
  await upgraded
  same(socket.transport.name, upgrades ? 'websocket' : names[0])
}

async function talks() {
  for (const m of ['hello', 'h€llo 𝄞', 'x'.repeat(200_000)]) {
    const back = once(socket, 'message')
    socket.send(m)
    same((await back)[0], m)
  }
}

async function sendsBinary() {
  socket.binaryType = 'arraybuffer'
  const back = once(socket, 'message')
  socket.send(Buffer.from([1, 2, 3, 255]))
  same(bytes((await back)[0]), [1, 2, 3, 255])
}

async function keepsOrder() {
  const got = []
  const all = new Promise((resolve) => socket.on('message', (m) => got.push(m) === 500 && resolve()))
  for (let i = 0; i < 500; i++) socket.send(`${i}`)
  await all
  same(got, Array.from({ length: 500 }, (_, i) => `${i}`))
}

// From the first message on, through the upgrade.
async function losesNothingInAnUpgrade() {
  const other = open()
  const got = []
  const all = new Promise((resolve) => other.on('message', (m) => got.push(m) === 300 && resolve()))
  await once(other, 'open')
  let sent = 0
  const upgraded = upgrades && once(other, 'upgrade')
  const timer = setInterval(() => { for (let i = 0; i < 10 && sent < 300; i++) other.send(`${sent++}`) }, 5)
  await all
  clearInterval(timer)
  await upgraded
  same(got, Array.from({ length: 300 }, (_, i) => `${i}`))
  other.close()
}

async function staysAlive() {
  for (let beats = 0; beats < 3;) {
    const [packet] = await once(socket, 'packet')
    if (packet.type === (library.endsWith('-3') ? 'pong' : 'ping')) beats++
  }
}

async function closes() {
  const closed = once(socket, 'close')
  socket.close()
  await closed
}

run([connects, talks, sendsBinary, keepsOrder, losesNothingInAnUpgrade, staysAlive, closes])
