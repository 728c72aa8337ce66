package conn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

// A bus that is not there yet, or that will not do, may be soon: who connects
// waits. Meanwhile the log says why, and what to change.

const (
	dialTime  = 2 * time.Second  // for one server
	nearTime  = 10 * time.Second // for that of this process, which is not elsewhere but busy
	waitAgain = 200 * time.Millisecond
	sayFirst  = 2 * time.Second // a bus that is just starting is no news
	sayEvery  = time.Minute
	sayMost   = 5 // reasons; some name a port of ours, another one each time
)

// checkUser is what to do about a user that is refused.
const checkUser = "check user and password (bus.password_file, PSE_BUS_PASSWORD), bus.creds, bus.nkey_file or bus.cert, whichever the server asks for"

// refusal is why the bus cannot be used, as the library does not say it itself.
type refusal struct {
	adviser adviser
	log     *zap.Logger

	dial     atomic.Pointer[error] // of the last attempt to reach a server
	denied   atomic.Pointer[error] // what the user may not do
	starting atomic.Bool           // what the user may not do keeps the bus from being used
	no       atomic.Bool           // the last attempt to connect again was refused
	said     struct {              // when it was said last, Unix ns
		refused, unreached atomic.Int64
	}
}

func newRefusal(a adviser, log *zap.Logger) *refusal {
	r := &refusal{adviser: a, log: log}
	r.starting.Store(true)
	return r
}

// Dial is nats.CustomDialer's. Of several servers that cannot be reached the
// library says just that.
func (r *refusal) Dial(network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: dialTime}).Dial(network, address)
	r.dial.Store(&err)
	return c, err
}

// cause is why an attempt failed.
func (r *refusal) cause(err error) error {
	if errors.Is(err, nats.ErrNoServers) {
		if dial := r.dial.Load(); dial != nil && *dial != nil {
			return *dial
		}
	}
	if denied := r.denied.Load(); denied != nil && !isAPI(err) {
		return *denied // a request that is not allowed has no answer
	}
	return err
}

// until tries until an attempt succeeds or ctx ends, and then says why none did: an
// attempt that had no answer in its time takes nothing from what was known before.
// Meanwhile the log has each reason once a minute.
func (r *refusal) until(ctx context.Context, address string, try func() error) error {
	var causes []error
	var said map[string]bool // in this minute; nil: it is too early
	next := time.Now().Add(sayFirst)
	for {
		err := try()
		if err == nil || errors.Is(err, nats.ErrAuthorization) {
			return err
		}
		err = r.cause(err)
		if causes == nil || !isAny(err, context.DeadlineExceeded, context.Canceled) {
			causes = r.adviser.causes(err)
		}
		if now := time.Now(); now.After(next) {
			next, said = now.Add(sayEvery), map[string]bool{}
		}
		for _, err := range causes {
			if text := err.Error(); said != nil && !said[text] && len(said) < sayMost {
				said[text] = true
				r.log.Warn("waiting for the bus", zap.String("at", address), zap.Error(err))
			}
		}
		if !sleep.For(ctx, waitAgain) {
			return fmt.Errorf("the bus at %s: %w", address, errors.Join(causes...))
		}
	}
}

// pause is the time between attempts to connect again: hardly any at first, for a
// server that is started anew is back at once; long for one that says no, or that
// stays away.
func (r *refusal) pause(attempts int) time.Duration {
	shortest := 50 * time.Millisecond
	switch {
	case r.no.Load():
		shortest = 5 * time.Second
	case attempts > 200:
		shortest = time.Second
	}
	return shortest + rand.N(shortest)
}

// refuses says whether an error is a server's that knows the user, or the password, no more.
func refuses(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) || errors.Is(err, nats.ErrAccountAuthExpired)
}

// unreached takes note of an attempt to connect again that failed, and says so: each
// of the two kinds once a minute, so that neither hides the other.
func (r *refusal) unreached(err error) {
	no := refuses(err)
	r.no.Store(no)
	said := &r.said.unreached
	if no {
		said = &r.said.refused
	}
	now := time.Now().UnixNano()
	if last := said.Load(); now-last < int64(sayEvery) || !said.CompareAndSwap(last, now) {
		return
	}
	if no {
		r.log.Error("the bus refuses this user now", zap.Error(err), zap.String("so", checkUser+"; then restart"))
		return
	}
	r.log.Warn("the bus cannot be reached", zap.Error(r.adviser.explain(r.cause(err))))
}
