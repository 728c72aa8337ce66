#!/usr/bin/env bash
# Several clients call Create of the same key of a JetStream key-value bucket, again and again, the key being deleted in
# between: who comes second learns that the key exists. On one server, and on a bucket of three replicas in a cluster.
#
# Version: github.com/nats-io/nats.go v1.55.0 (jetstream), github.com/nats-io/nats-server/v2 v2.15.2.
# Seen:    on one server all of them get an error that is ErrKeyExists. With three replicas, where a deleted key was, some get
#          10164, which is neither ErrKeyExists nor ErrKeyRevisionMismatch: Create tries again with the marker's revision, and
#          what that answers goes out as it came. Code that takes every other error for trouble fails where it has only lost a race.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// start starts n servers, several of them as a cluster, and gives their addresses.
func start(n int) (at string) {
	var routes []*url.URL
	var ports []int
	var free []net.Listener
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		free = append(free, l)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
	}
	var all []*server.Server
	for i := range n {
		free[i].Close()
		dir, err := os.MkdirTemp(".", "store")
		check(err)
		o := &server.Options{ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, NoSigs: true}
		if n > 1 {
			o.Cluster = server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = routes
		}
		s, err := server.NewServer(o)
		check(err)
		go s.Start()
		if !s.ReadyForConnections(20 * time.Second) {
			log.Fatal("it does not start")
		}
		all = append(all, s)
		if i > 0 {
			at += ","
		}
		at += s.ClientURL()
	}
	for led := n == 1; !led; time.Sleep(50 * time.Millisecond) {
		for _, s := range all {
			led = led || s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == n
		}
	}
	return at
}

func main() {
	for _, n := range []int{1, 3} {
		nc, err := nats.Connect(start(n))
		check(err)
		js, err := jetstream.New(nc)
		check(err)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		var kv jetstream.KeyValue
		for {
			if kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "B", Replicas: n}); err == nil {
				break
			}
			if ctx.Err() != nil {
				log.Fatal(err)
			}
			time.Sleep(200 * time.Millisecond)
		}
		exists, bare, won := 0, 0, 0
		for round := 0; round < 200; round++ {
			var wg sync.WaitGroup
			var mu sync.Mutex
			for range 6 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					_, err := kv.Create(ctx, "k", []byte("v"))
					mu.Lock()
					defer mu.Unlock()
					var api *jetstream.APIError
					switch {
					case err == nil:
						won++
					case errors.Is(err, jetstream.ErrKeyExists):
						exists++
					case errors.As(err, &api) && api.ErrorCode == 10164 && !errors.Is(err, jetstream.ErrKeyRevisionMismatch):
						bare++
					}
				}()
			}
			wg.Wait()
			check(kv.Delete(ctx, "k"))
		}
		cancel()
		fmt.Printf("replicas %d: won %v, ErrKeyExists %v, 10164 that is no named error %v\n", n, won > 0, exists > 0, bare > 0)
		fmt.Fprintln(os.Stderr, won, exists, bare)
	}
}
G
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = 'replicas 1: won true, ErrKeyExists true, 10164 that is no named error false
replicas 3: won true, ErrKeyExists true, 10164 that is no named error true' ] || { echo "changed"; exit 1; }
