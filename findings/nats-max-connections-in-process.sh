#!/usr/bin/env bash
# An embedded nats-server, to which the program itself connects in its own process (nats.InProcessServer), with max_connections
# set to bound what comes over the network.
#
# Version: github.com/nats-io/nats-server v2.15.2, github.com/nats-io/nats.go v1.55.0.
# Seen:    connections in the process count in max_connections like those of TCP. With a limit of 2 and two connections in the
#          process no client of the network gets in; with one that of TCP has the other place, and then a second one in the
#          process is refused. Who is refused hears "maximum connections exceeded" or only that the connection broke: the error
#          may be overtaken by the close. Whoever fills the places over the network so keeps the program off its own bus: bound
#          the network's part elsewhere (a listener that counts), and leave room for one's own.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.26
M
cat >main.go <<'G'
package main

import (
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func main() {
	fmt.Println("nats-server", server.VERSION)
	for _, inside := range []int{2, 1} {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, MaxConn: 2, NoSigs: true})
		if err != nil {
			panic(err)
		}
		s.Start()
		if !s.ReadyForConnections(5 * time.Second) {
			panic("not ready")
		}
		for range inside {
			if _, err := nats.Connect("", nats.InProcessServer(s)); err != nil {
				panic(err)
			}
		}
		_, tcp := nats.Connect(s.ClientURL())
		_, again := nats.Connect("", nats.InProcessServer(s))
		fmt.Printf("max_connections 2, %d in the process: TCP refused %v, one more in the process refused %v\n", inside, tcp != nil, again != nil)
		s.Shutdown()
		s.WaitForShutdown()
	}
}
G
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = 'nats-server 2.15.2
max_connections 2, 2 in the process: TCP refused true, one more in the process refused true
max_connections 2, 1 in the process: TCP refused false, one more in the process refused true' ] || { echo "changed"; exit 1; }
