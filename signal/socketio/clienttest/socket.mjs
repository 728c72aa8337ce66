// A socket.io-client, 4 or 2, at the application of package socketiotest.
import { bytes, library, names, once, run, same, text, url } from './check.mjs'

const { io } = await import(library).then((m) => ({ io: m.io ?? m.default }))
const modern = !library.endsWith('-2')
const upgrades = names.length > 1
const options = { transports: names, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50 }
const failure = modern ? 'connect_error' : 'error'

let socket
async function connects() {
  socket = io(url, { ...options, auth: { z: 1, a: 2 } })
  const auth = once(socket, 'auth')
  await once(socket, 'connect')
  text((await auth)[0], modern ? { z: 1, a: 2 } : {})
  if (upgrades && socket.io.engine.transport.name === 'polling') await once(socket.io.engine, 'upgrade')
  same(socket.io.engine.transport.name, upgrades ? 'websocket' : names[0])
}

async function talks() {
  for (const args of [[], [1, '2', { 3: [true] }], [{ z: 1, a: { y: null, b: 'ü 𝄞 <&>' } }], ['x'.repeat(200_000)]]) {
    const back = once(socket, 'message-back')
    socket.emit('message', ...args)
    text(await back, args)
  }
}

async function isAcknowledged() {
  const args = await new Promise((resolve) => socket.emit('message-with-ack', { b: 1, a: 2 }, 'x', (...a) => resolve(a)))
  text(args, [{ b: 1, a: 2 }, 'x'])
}

async function sendsBinary() {
  const back = once(socket, 'message-back')
  socket.emit('message', { deep: [Buffer.from([1, 2, 3])] }, Buffer.from([4, 255]), 'text')
  const [first, second, third] = await back
  same([bytes(first.deep[0]), bytes(second), third], [[1, 2, 3], [4, 255], 'text'])
  const [acked] = await new Promise((resolve) => socket.emit('message-with-ack', Buffer.from([7]), (...a) => resolve(a)))
  same(bytes(acked), [7])
}

async function acknowledges() {
  socket.on('question', (...args) => {
    const answer = args.pop()
    answer(...args, Buffer.from([9]))
  })
  const answered = once(socket, 'answered')
  socket.emit('ask', { b: 1, a: 2 })
  const [args, binary] = await answered
  text(args, { b: 1, a: 2 })
  same(bytes(binary), [9])
  socket.off('question')
  const late = once(socket, 'late')
  socket.emit('ask-in-vain')
  await late
}

async function keepsOrder() {
  const got = []
  const all = new Promise((resolve) => socket.on('message-back', (m) => got.push(m) === 300 && resolve()))
  for (let i = 0; i < 300; i++) socket.emit('message', i)
  await all
  socket.off('message-back')
  same(got, Array.from({ length: 300 }, (_, i) => i))
}

async function joinsNamespaces() {
  for (const name of ['/custom', '/room-17']) {
    const other = socket.io.socket(name)
    const auth = once(other, 'auth')
    await auth
    const back = once(other, 'message-back')
    other.emit('message', name)
    same(await back, [name])
    const gone = once(other, 'disconnect')
    other.emit('leave')
    same((await gone)[0], 'io server disconnect')
  }
}

async function isRefused() {
  for (const [name, message] of [['/refused', 'no entry'], ['/random', 'Invalid namespace']]) {
    const other = socket.io.socket(name)
    const refused = once(other, failure)
    const [why] = await refused
    if (modern) {
      same(why.message, message)
      if (name === '/refused') text(why.data, { why: 'closed', until: 9 })
    } else {
      same(why, message)
    }
    other.disconnect()
  }
}

async function staysAlive() {
  const { engine } = socket.io
  for (let beats = 0; beats < 3;) {
    const [packet] = await once(engine, 'packet')
    if (packet.type === (modern ? 'ping' : 'pong')) beats++
  }
  same(socket.connected, true)
}

async function reconnects() {
  const back = new Promise((resolve) => { socket.once('disconnect', () => socket.once('auth', resolve)) })
  socket.emit('hang-up')
  await back
  same(socket.connected, true)
}

async function recovers() {
  if (!modern) return
  const lost = io(`${url}/room-5`, { ...options, auth: { recover: true } })
  await once(lost, 'auth')
  const { id } = lost
  const said = []
  lost.on('said', (word) => said.push(word))
  const talker = io(`${url}/room-5`, options)
  await once(talker, 'auth')
  const first = once(lost, 'said')
  talker.emit('say', 'one')
  await first
  const gone = once(lost, 'disconnect')
  lost.io.engine.close()
  await gone
  const back = once(lost, 'connect')
  talker.emit('say', 'two')
  talker.emit('say', 'three')
  await new Promise((resolve) => talker.emit('message-with-ack', resolve))
  await back
  while (said.length < 3) await once(lost, 'said')
  same([lost.recovered, lost.id, said], [true, id, ['one', 'two', 'three']])
  lost.disconnect()
  talker.disconnect()
}

async function disconnects() {
  const gone = once(socket, 'disconnect')
  socket.disconnect()
  same((await gone)[0], 'io client disconnect')
}

run([connects, talks, isAcknowledged, sendsBinary, acknowledges, keepsOrder, joinsNamespaces, isRefused, staysAlive, reconnects, recovers, disconnects])
