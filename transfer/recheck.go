package transfer

import (
	"context"
	"errors"
	"io"
	"path"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
)

const (
	markChecked    = "checked" // when a file was last verified
	recheckPause   = time.Hour // at most, between looking for files that are due
	recheckPortion = 100       // of Config.Recheck, the pause when it is shorter
)

// rechecker verifies complete files in a folder from time to time, at a limited rate: disks
// lose bits. When a file was last verified is stored beside it, so that a restart goes on
// where it was. Two workers on one folder may both read a file, which is harmless. A
// bucket's server verifies its objects itself.
type rechecker struct {
	store *store.Store
	locks *uploadLocks
	facts *facts
	log   *zap.Logger
	every time.Duration // see Config.Recheck
	pace  *rate.Limiter // of bytes
}

// run verifies files until ctx ends.
func (c *rechecker) run(ctx context.Context) {
	for sleep.For(ctx, min(recheckPause, c.every/recheckPortion)) {
		names, err := c.store.Names()
		if err != nil {
			continue // the reconciler logs it
		}
		for _, name := range names {
			if ctx.Err() != nil {
				return
			}
			if err := c.look(ctx, name); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrNoInfo) {
				c.log.Error("a file cannot be verified", zap.String("upload", name), zap.Error(err))
			}
		}
	}
}

// look verifies a file if it is due.
func (c *rechecker) look(ctx context.Context, name string) error {
	i, err := c.store.Info(name)
	if err != nil || i.SHA256 == "" || i.Corrupt {
		return err
	}
	last, err := c.store.Written(path.Join(name, markChecked))
	if errors.Is(err, store.ErrNotFound) {
		last, err = i.CompletedAt(), nil
	}
	if err != nil || c.store.Now().Sub(last) < c.every {
		return err
	}
	if err := c.check(ctx, i); err != nil {
		return err
	}
	return gentle(c.store.Write(path.Join(name, markChecked), []byte(c.store.Now().Format(time.RFC3339))))
}

// check compares a file with its hash.
func (c *rechecker) check(ctx context.Context, i *store.Info) error {
	sum, _, err := c.store.Hash(i, func(r io.Reader) io.Reader { return &throttledReader{ctx, r, c.pace} })
	if err != nil || sum == i.SHA256 {
		return err
	}
	sound, err := c.store.Verify(i)
	if err != nil {
		return err
	}
	return c.locks.withIdle(ctx, i.Name, func(wr *writer) error {
		if wr.Info().Corrupt {
			return nil // found when it was opened
		}
		defer c.facts.wake(i.Name)
		return noteDamage(c.log, wr, sound)
	})
}

// throttledReader reads at a limited rate.
type throttledReader struct {
	ctx  context.Context
	r    io.Reader
	pace *rate.Limiter
}

// Read implements io.Reader.
func (p *throttledReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b[:min(len(b), p.pace.Burst())])
	if wait := p.pace.WaitN(p.ctx, n); wait != nil {
		return n, wait
	}
	return n, err
}
