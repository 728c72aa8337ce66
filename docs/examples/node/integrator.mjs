// How a program of yours connects: the file integrator.url in PSE's data
// directory has address, user and password. The libraries of NATS take them
// apart: they ignore the user in a URL.
import { readFileSync } from 'node:fs'

/** The options of connect, of @nats-io/transport-node and of nats alike. */
export function integrator(file, name) {
  const url = new URL(readFileSync(file, 'utf8').trim())
  return {
    servers: url.host,
    user: decodeURIComponent(url.username),
    pass: decodeURIComponent(url.password),
    tls: url.protocol === 'tls:' ? {} : undefined, // { ca: ... } for a certificate of the owner's making
    name,
    maxReconnectAttempts: -1, // PSE restarts: come back
  }
}
