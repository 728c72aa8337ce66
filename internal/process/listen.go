package process

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// FreePort is a TCP port of the loopback that nobody uses now. It is below
// those that the system gives to connections that go out (32768 and above, on
// Linux), so that none of them takes it until a server listens there, or while
// it is started anew.
func FreePort() (int, error) {
	for tries := 0; ; tries++ {
		port := 10000 + rand.IntN(22000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
		if tries == 100 {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
	}
}

// WaitTCP waits until something listens there.
func WaitTCP(ctx context.Context, addr string) error {
	for {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing listens on %s: %w", addr, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
