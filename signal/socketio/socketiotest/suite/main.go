// Suite serves the application that the protocols' own test suites want to
// find at localhost:3000: run it, then theirs.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/helios-h2020/pse/signal/socketio/socketiotest"
)

func main() {
	addr := flag.String("addr", "localhost:3000", "where to listen")
	flag.Parse()
	if err := serve(*addr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(addr string) error {
	app, err := socketiotest.New(socketiotest.Engine(), socketiotest.Socket(), socketiotest.NewMemory())
	if err != nil {
		return err
	}
	defer app.Close()
	go func() {
		for {
			select { // nobody else wants to know
			case <-app.Sockets:
			case <-app.Closed:
			}
		}
	}()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen (is another one running?): %w", err)
	}
	fmt.Println("listening on", l.Addr())
	s := &http.Server{Handler: app, ReadHeaderTimeout: 10 * time.Second}
	return s.Serve(l)
}
