#!/usr/bin/env bash
# A tus client asks by HEAD how far an upload is before it goes on. A server that starts, or waits for its store, cannot say for a
# moment, and HTTP has 503 with Retry-After for that.
#
# Versions: tus-js-client 4.3.1 (npm).
# Seen:     after a HEAD answered once by 503, 500, 429 or 401 it forgets the upload, creates another and sends all bytes again, though
#           retryDelays has a try left. After 423 it asks again and goes on where it was.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent tus-js-client@4.3.1
cat >main.mjs <<'J'
import http from 'node:http'
import * as tus from 'tus-js-client'
const size = 100_000, half = 50_000
for (const status of [423, 503, 500, 429, 401]) {
  const asked = []
  let told = false // the HEAD that cannot be answered has been
  const server = http.createServer((q, a) => {
    q.resume().on('end', () => {
      a.setHeader('Tus-Resumable', '1.0.0')
      if (q.method === 'HEAD' && !told) {
        told = true
        asked.push(`HEAD ${status}`)
        a.writeHead(status, { 'Retry-After': '1' }).end()
        return
      }
      asked.push(q.method)
      if (q.method === 'HEAD') a.writeHead(200, { 'Upload-Offset': half, 'Upload-Length': size }).end()
      else if (q.method === 'POST') a.writeHead(201, { Location: '/files/second' }).end()
      else a.writeHead(204, { 'Upload-Offset': size }).end()
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const at = `http://127.0.0.1:${server.address().port}/files/`
  await new Promise((done) => {
    new tus.Upload(Buffer.alloc(size), {
      endpoint: at, uploadUrl: at + 'first', retryDelays: [100, 100], onSuccess: done,
      onError: (e) => { asked.push(e.message); done() },
    }).start()
  })
  server.closeAllConnections()
  server.close()
  console.log(asked.join(', '))
}
J
seen=$(timeout 60 node main.mjs)
echo "$seen"
[ "$seen" = 'HEAD 423, HEAD, PATCH
HEAD 503, POST, PATCH
HEAD 500, POST, PATCH
HEAD 429, POST, PATCH
HEAD 401, POST, PATCH' ] || { echo "changed"; exit 1; }
