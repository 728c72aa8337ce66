#!/usr/bin/env bash
# /healthz of a single nats-server while clients create JetStream streams in files: nothing is wrong, every stream is made.
#
# Version: github.com/nats-io/nats-server/v2 v2.15.2, github.com/nats-io/nats.go v1.55.0.
# Seen:    among the answers are 503 "JetStream stream '$G > NAME' could not be recovered": the health check looks for the
#          stream of each directory on disk, and the directory is there before the stream. It is over within milliseconds.
#          Whoever restarts a server, or takes it out of service, at the first 503 does so for a stream that is being made.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
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
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, HTTPHost: "127.0.0.1", HTTPPort: -1, JetStream: true, StoreDir: dir, NoSigs: true})
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

	health := func() (int, string) {
		r, err := http.Get("http://" + s.MonitorAddr().String() + "/healthz")
		check(err)
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		check(err)
		return r.StatusCode, string(b)
	}
	made := make(chan int)
	go func() {
		n := 0
		for ; n < 500; n++ {
			_, err := js.AddStream(&nats.StreamConfig{Name: fmt.Sprint("S", n), Subjects: []string{fmt.Sprint("s.", n)}})
			check(err)
		}
		made <- n
	}()
	sick, other := 0, 0
	for done := false; !done; {
		select {
		case n := <-made:
			fmt.Println("streams made:", n)
			done = true
		default:
		}
		switch code, text := health(); {
		case code == 503 && strings.Contains(text, "could not be recovered"):
			sick++
		case code != 200:
			other++
		}
	}
	code, _ := health()
	fmt.Println("503 \"could not be recovered\" seen meanwhile:", sick > 0)
	fmt.Println("other failures seen:", other > 0)
	fmt.Println("afterwards:", code)
	fmt.Fprintln(os.Stderr, sick, "times")
}
G
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = 'streams made: 500
503 "could not be recovered" seen meanwhile: true
other failures seen: false
afterwards: 200' ] || { echo "changed"; exit 1; }
