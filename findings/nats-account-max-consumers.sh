#!/usr/bin/env bash
# An account of nats-server has max_consumers: 2, and two streams. Account information gives "consumers" (those there are in
# all) beside "limits.max_consumers"; the libraries' documents call that the most consumers an account can create.
#
# Version: github.com/nats-io/nats-server/v2 v2.15.2, github.com/nats-io/nats.go v1.55.0.
# Seen:    each stream may have two: four are made, and the account then reports 4 consumers of at most 2. The third of one
#          stream is refused with 10026. Who sizes the limit by the sum, or takes "consumers" below the limit for room, is wrong.
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
	o := &server.Options{}
	check(o.ProcessConfigString("accounts { A { jetstream: { max_consumers: 2 }, users: [ { user: a, password: b } ] } }"))
	o.Host, o.Port, o.JetStream, o.StoreDir, o.NoSigs = "127.0.0.1", -1, true, dir, true
	s, err := server.NewServer(o)
	check(err)
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		log.Fatal("it does not start")
	}
	defer s.Shutdown()
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("a", "b"))
	check(err)
	js, err := nc.JetStream()
	check(err)
	for _, stream := range []string{"ONE", "TWO"} {
		_, err := js.AddStream(&nats.StreamConfig{Name: stream, Subjects: []string{stream}})
		check(err)
		for i := 1; i <= 3; i++ {
			_, err := js.AddConsumer(stream, &nats.ConsumerConfig{Durable: fmt.Sprint("c", i), AckPolicy: nats.AckExplicitPolicy})
			var api *nats.APIError
			code := "made"
			if errors.As(err, &api) {
				code = fmt.Sprint(api.ErrorCode)
			}
			fmt.Println(stream, "consumer", i, code)
		}
	}
	a, err := js.AccountInfo()
	check(err)
	fmt.Println("the account:", a.Consumers, "consumers of at most", a.Limits.MaxConsumers)
}
G
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = 'ONE consumer 1 made
ONE consumer 2 made
ONE consumer 3 10026
TWO consumer 1 made
TWO consumer 2 made
TWO consumer 3 10026
the account: 4 consumers of at most 2' ] || { echo "changed"; exit 1; }
