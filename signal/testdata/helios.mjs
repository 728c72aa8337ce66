// Two clients from npm go through the contract of docs/helios.md ("Calls"), as
// the old web page does: node helios.mjs LIBRARY URL TRANSPORTS ROOM
import { createRequire } from 'node:module'
import { deepStrictEqual as same, ok } from 'node:assert'

const [, , library, url, transports, room] = process.argv
const loaded = createRequire(new URL('../socketio/clienttest/package.json', import.meta.url))(library)
const io = loaded.io ?? loaded
const events = ['created', 'joined', 'join', 'message', 'full', 'ipaddr']

// A page is a client that keeps what it hears until somebody asks.
class Page {
  heard = []
  constructor() {
    this.socket = io(`${url}/${room}`, { forceNew: true, transports: transports.split(','), reconnectionDelay: 50 })
    for (const name of events) this.socket.on(name, (...args) => this.hear([name, ...args]))
    this.connected = new Promise((resolve) => this.socket.once('connect', resolve))
  }
  hear(event) {
    this.heard.push(event)
    this.wake?.()
  }
  async next() {
    while (this.heard.length === 0) await new Promise((resolve) => { this.wake = resolve })
    return this.heard.shift()
  }
  async expect(...want) { same(await this.next(), want) }
}

const late = setTimeout(() => { console.error('it does not happen'); process.exit(1) }, 30_000)

const a = new Page()
await a.connected
await a.expect('created', `/${room}`, a.socket.id)
const b = new Page()
await b.connected
await b.expect('joined', `/${room}`)
await a.expect('join', b.socket.id)

const offer = { type: 'offer', sdp: 'v=0\r\n'.repeat(2000), z: 1, a: [{ ü: '𝄞 <&>' }] }
a.socket.emit('message', offer, b.socket.id)
await b.expect('message', offer, a.socket.id)
const answer = { type: 'answer', sdp: 'v=0' }
b.socket.emit('message', answer, a.socket.id)
await a.expect('message', answer, b.socket.id)
for (let i = 0; i < 20; i++) a.socket.emit('message', { type: 'candidate', label: i, id: '0', candidate: `c${i}` }, b.socket.id)
for (let i = 0; i < 20; i++) {
  const [name, c, from] = await b.next()
  same([name, c.type, c.label, c.id, c.candidate, from], ['message', 'candidate', i, '0', `c${i}`, a.socket.id])
  same([c.sdpMid, c.sdpMLineIndex], ['0', i])
}
a.socket.emit('ipaddr')
const [name, address] = await a.next()
ok(name === 'ipaddr' && /^\d+\.\d+\.\d+\.\d+$/.test(address), `${name} ${address}`)

const more = []
for (let i = 0; i < 4; i++) {
  more.push(new Page())
  await more[i].connected
  await more[i].expect('joined', `/${room}`)
  for (const p of [a, b, ...more.slice(0, i)]) {
    let e = await p.next()
    while (e[0] === 'ipaddr') e = await p.next() // of a machine with several addresses
    same(e, ['join', more[i].socket.id])
  }
}
const seventh = new Page()
await seventh.expect('full', `/${room}`)
await new Promise((resolve) => (seventh.socket.disconnected ? resolve() : seventh.socket.once('disconnect', resolve)))

const id = b.socket.id
b.socket.emit('message', 'bye', a.socket.id)
await a.expect('message', 'bye', id)
b.socket.disconnect()
for (const p of [a, ...more]) await p.expect('message', 'bye', id)
clearTimeout(late)
process.exit(0)
