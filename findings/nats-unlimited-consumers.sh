#!/usr/bin/env bash
# A JetStream stream that is made with MaxConsumers -1 (documented as no limit), on a server whose configuration says nothing
# of limits, up to nats-server 2.14 and from 2.15 on.
#
# Version: github.com/nats-io/nats-server/v2 v2.14.3 and v2.15.2, github.com/nats-io/nats.go v1.55.0.
# Seen:    2.14 makes 1,001 consumers. 2.15 refuses the 1,001st with 10026, though the stream's own information still says -1:
#          its default_max_consumers (1,000) takes the place of every value below 1, so no stream can ask for more than that
#          by -1, and nobody sees the limit before it is met. A number above 1,000 on the stream itself is kept.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir, err := os.MkdirTemp(".", "store")
	check(err)
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, NoSigs: true})
	check(err)
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		log.Fatal("it does not start")
	}
	defer s.Shutdown()
	nc, err := nats.Connect(s.ClientURL())
	check(err)
	js, err := nc.JetStream()
	check(err)
	for _, most := range []int{-1, 2000} {
		name := fmt.Sprint("S", most)
		_, err = js.AddStream(&nats.StreamConfig{Name: name, Subjects: []string{name}, MaxConsumers: most, Storage: nats.MemoryStorage})
		check(err)
		made, code := 0, "none is refused"
		for made < 1001 {
			_, err := js.AddConsumer(name, &nats.ConsumerConfig{Durable: fmt.Sprint("c", made), AckPolicy: nats.AckNonePolicy, MemoryStorage: true})
			var api *nats.APIError
			if errors.As(err, &api) {
				code = fmt.Sprint("then ", api.ErrorCode)
				break
			}
			check(err)
			made++
		}
		info, err := js.StreamInfo(name)
		check(err)
		fmt.Printf("max_consumers %d: %d made, %s; the stream says %d\n", most, made, code, info.Config.MaxConsumers)
	}
}
G
seen=""
for version in v2.14.3 v2.15.2; do
	go get github.com/nats-io/nats-server/v2@$version github.com/nats-io/nats.go@v1.55.0 2>/dev/null
	seen+="$version
$(go run .)
"
done
echo "$seen"
[ "$seen" = 'v2.14.3
max_consumers -1: 1001 made, none is refused; the stream says -1
max_consumers 2000: 1001 made, none is refused; the stream says 2000
v2.15.2
max_consumers -1: 1000 made, then 10026; the stream says -1
max_consumers 2000: 1001 made, none is refused; the stream says 2000
' ] || { echo "changed"; exit 1; }
