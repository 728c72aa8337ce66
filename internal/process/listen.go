package process

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The ports that FreePort gives are below those that the system gives to
// connections that go out (32768 and above, on Linux), so that none of them
// takes one until a server listens there, or while it is started anew.
const firstPort, portCount = 10000, 22000

// FreePort is a TCP port of the loopback that nobody uses now, and that no
// other call gives for a long time, not even in another process: servers take
// seconds to listen on a busy machine. The next one is kept in a file beside
// the temporary ones.
func FreePort() (int, error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "pse-next-port"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer f.Close() // and with it goes the lock
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return 0, fmt.Errorf("find a free port: lock %s: %w", f.Name(), err)
	}
	var next [4]byte
	if _, err := f.ReadAt(next[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	n := binary.LittleEndian.Uint32(next[:])
	for tries := 0; ; tries++ {
		port := firstPort + int(n%portCount)
		n++
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			if tries < 100 {
				continue
			}
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		binary.LittleEndian.PutUint32(next[:], n)
		if _, err := f.WriteAt(next[:], 0); err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		return port, nil
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
