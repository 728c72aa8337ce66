#!/usr/bin/env bash
# tus 1.0.0, section "X-HTTP-Method-Override": the header "MUST be interpreted as the request's method by the Server". Clients
# behind proxies that let only GET and POST through depend on it (tus-js-client's overridePatchMethod).
#
# Versions: @tus/server 2.4.5 with @tus/file-store 2.1.1, tus-js-client 4.3.1 (npm), on Node 20.
# Seen:     the server ignores the header: a POST to an upload's URL that stands for a PATCH is answered 400 "Upload-Length or
#           Upload-Defer-Length header required", as if it were to create an upload. tus-js-client with overridePatchMethod
#           cannot send to it a single byte; the same upload without the option goes through.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @tus/server@2.4.5 @tus/file-store@2.1.1 tus-js-client@4.3.1
cat >main.mjs <<'J'
import { Server } from '@tus/server'
import { FileStore } from '@tus/file-store'
import * as tus from 'tus-js-client'
const server = new Server({ path: '/files', datastore: new FileStore({ directory: './files' }) }).listen({ host: '127.0.0.1', port: 0 })
await new Promise((listening) => server.on('listening', listening))
const endpoint = `http://127.0.0.1:${server.address().port}/files`
for (const overridePatchMethod of [true, false]) {
  const result = await new Promise((done) => {
    new tus.Upload(Buffer.from('hello'), {
      endpoint, overridePatchMethod, retryDelays: [], onSuccess: () => done('sent'),
      onError: (e) => done(`${e.originalResponse?.getStatus()} ${e.originalResponse?.getBody().trim()}`),
    }).start()
  })
  console.log(`overridePatchMethod ${overridePatchMethod}: ${result}`)
}
process.exit()
J
seen=$(timeout 60 node main.mjs)
echo "$seen"
[ "$seen" = 'overridePatchMethod true: 400 Upload-Length or Upload-Defer-Length header required
overridePatchMethod false: sent' ] || { echo "changed"; exit 1; }
