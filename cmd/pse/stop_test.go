package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/helios-h2020/pse/internal/process"
)

// Stopping says so first: /readyz is 503 while open requests are answered and
// workers still run. The second signal ends the program at once.
func TestStopInOrderAndAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, process.PSEOptions{Name: "stopping", Data: dir, Set: []string{"http.drain_timeout=1h"}})

	// A request that never ends keeps the front draining.
	c, err := net.Dial("tcp", p.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { // accepted: else nobody would wait for it
		metrics, err := get("http://"+p.Admin+"/metrics", 200)
		if err == nil && !strings.Contains(metrics, "\npse_http_connections 1\n") {
			err = errors.New("the request is not there yet")
		}
		return err
	})
	if err := syscall.Kill(p.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		body, err := get("http://"+p.Admin+"/readyz", 503)
		if err == nil && (!strings.Contains(body, `"stopping":true`) || !strings.Contains(body, `"edge":{"ready":true}`)) {
			err = fmt.Errorf("readyz says %s", body)
		}
		return err
	})
	select {
	case <-p.Done():
		t.Fatalf("it ended before its open request: %s", p.Said())
	default:
	}
	if err := syscall.Kill(p.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		select {
		case <-p.Done():
			return nil
		default:
			return errors.New("it is still there after the second signal")
		}
	})

	// What it left behind does not keep the next one from starting.
	start(t, process.PSEOptions{Name: "next", Data: dir})
}
