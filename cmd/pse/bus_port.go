package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/helios-h2020/pse/bus"
)

// anyPort is where the bus of a process with all workers listens the first time.
const anyPort = "127.0.0.1:0"

func portFile(dir string) string { return filepath.Join(dir, "bus", "port") }

// samePort is where the bus of a process with all workers listens: at the port of
// last time, so that integrators find it again, unless somebody else has it now.
func samePort(dir string) string {
	port, err := os.ReadFile(portFile(dir))
	if err != nil {
		return anyPort
	}
	at := net.JoinHostPort("127.0.0.1", strings.TrimSpace(string(port)))
	l, err := net.Listen("tcp", at)
	if err != nil {
		return anyPort
	}
	l.Close()
	return at
}

// keepPort notes the port for the next start.
func keepPort(dir string, server *bus.Server) error {
	_, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		return err
	}
	return writeSecret(portFile(dir), port)
}
