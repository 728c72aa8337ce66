#!/usr/bin/env bash
# A consumer that stops ends the context of MessagesContext.Next, and expects no message from then on: it would be handled after
# the stop.
#
# Versions: nats.go v1.55.0 (jetstream, NextContext) against nats-server v2.15.2.
# Seen:     with messages at hand, Next with a context that has ended gives a message in about half of its calls, and the context's
#           error in the others: it takes whichever it sees first. Who stops has to look at the context after Next, too.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.26
M
cat >main.go <<'G'
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	s := must(server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: "store", NoLog: true, NoSigs: true}))
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		panic("not ready")
	}
	js := must(jetstream.New(must(nats.Connect(s.ClientURL()))))
	ctx := context.Background()
	log := must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log"}}))
	for range 400 {
		must(js.Publish(ctx, "log", nil))
	}
	consumer := must(log.CreateConsumer(ctx, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy}))
	it := must(consumer.Messages(jetstream.PullMaxMessages(400)))
	must(it.Next())
	time.Sleep(time.Second) // the others are at hand
	over, end := context.WithCancel(ctx)
	end()
	given, ended := 0, 0
	for range 200 {
		switch _, err := it.Next(jetstream.NextContext(over)); {
		case err == nil:
			given++
		case errors.Is(err, context.Canceled):
			ended++
		default:
			panic(err)
		}
	}
	fmt.Printf("messages: %v, errors: %v\n", given > 20, ended > 20)
	s.Shutdown()
}
G
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0 2>/dev/null
go mod tidy 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = 'messages: true, errors: true' ] || { echo "changed"; exit 1; }
