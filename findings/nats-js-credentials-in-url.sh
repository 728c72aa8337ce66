#!/usr/bin/env bash
# NATS servers and clients name a server and who one is in one URL: nats://user:password@host:port. nats.go takes it so.
#
# Versions: nats 2.29.3 and @nats-io/transport-node 3.3.1 (npm), nats.go v1.55.0 against nats-server v2.15.2.
# Seen:     both clients for Node read host and port out of such a URL and drop user and password without a word: the server
#           answers with an authorization violation. With user and pass as options they are let in. nats.go is let in by the URL.
set -euo pipefail
dir=$(mktemp -d); trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.26
M
cat >main.go <<'G'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func main() {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, Username: "ann", Password: "secret", NoLog: true, NoSigs: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("not ready")
	}
	at := "nats://ann:secret@" + s.Addr().String()
	_, err = nats.Connect(at)
	said := fmt.Sprintf("nats.go: %v\n", err)
	if err := os.WriteFile("said", []byte(said), 0o600); err != nil {
		panic(err)
	}
	if err := os.WriteFile("url.new", []byte(at), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename("url.new", "url"); err != nil {
		panic(err)
	}
	time.Sleep(2 * time.Minute)
}
G
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0 2>/dev/null
go mod tidy 2>/dev/null
go build -o server .
./server & server=$!
npm init -y >/dev/null
npm install --no-audit --no-fund --silent nats@2.29.3 @nats-io/transport-node@3.3.1
cat >main.mjs <<'J'
import { readFileSync } from 'node:fs'
import * as old from 'nats'
import * as fresh from '@nats-io/transport-node'
const url = readFileSync('url', 'utf8')
const { host, username: user, password: pass } = new URL(url)
for (const [name, client] of [['nats', old], ['@nats-io/transport-node', fresh]]) {
  for (const [how, options] of [['by the URL', { servers: url }], ['by options', { servers: host, user, pass }]]) {
    try {
      const nc = await client.connect({ ...options, maxReconnectAttempts: 0, timeout: 10_000 })
      await nc.close()
      console.log(`${name} ${how}: let in`)
    } catch (e) {
      console.log(`${name} ${how}: ${/authorization/i.test(e.message) ? 'authorization violation' : e.message}`)
    }
  }
}
process.exit()
J
for _ in $(seq 1 240); do [ -e url ] && break; sleep 0.5; done
seen="$(cat said)
$(timeout 60 node main.mjs)"
echo "$seen"
[ "$seen" = 'nats.go: <nil>
nats by the URL: authorization violation
nats by options: let in
@nats-io/transport-node by the URL: authorization violation
@nats-io/transport-node by options: let in' ] || { echo "changed"; exit 1; }
