package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
)

// askTime is how long a command tries to reach the bus.
const askTime = 5 * time.Second

// withBus runs a command on the bus: the one of --bus or of the
// configuration, else that of the `pse serve` which uses this data directory.
func (s *scope) withBus(f func(context.Context, *bus.Bus) error) error {
	l, err := s.load()
	if err != nil {
		return err
	}
	at, err := l.Bus.reach()
	if err != nil {
		return err
	}
	o := l.Bus.options(at, "pse-cli")
	if o.URL == "" {
		if o.URL, err = runningBus(l.Data); err != nil {
			return err
		}
	}
	reach, cancel := context.WithTimeout(s.ctx, askTime)
	defer cancel()
	b, err := bus.Connect(reach, o, zap.NewNop())
	if err != nil {
		return fmt.Errorf("%w; is pse serve running?", err)
	}
	defer b.Close()
	return f(s.ctx, b)
}

// withKeys runs a command on the stream keys.
func (s *scope) withKeys(f func(context.Context, *access.Keys) error) error {
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		keys, err := access.NewKeys(ctx, b, zap.NewNop())
		if err != nil {
			return err
		}
		defer keys.Close()
		return f(ctx, keys)
	})
}

// runningBus reads where the bus of this data directory listens.
func runningBus(dir string) (string, error) {
	text, err := os.ReadFile(busFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no pse serve runs on %s; start it, or name another with --data DIR or --bus URL", dir)
	}
	if err != nil {
		return "", fmt.Errorf("find the bus: %w; ask as the user who runs pse serve", err)
	}
	return strings.TrimSpace(string(text)), nil
}
