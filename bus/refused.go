package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

// A bus that is not there yet, or that will not do, may be soon: who connects
// waits. Meanwhile the log says why, and what to change.

const (
	dialTime  = 2 * time.Second // for one server
	waitAgain = 200 * time.Millisecond
	sayFirst  = 2 * time.Second // a bus that is just starting is no news
	sayEvery  = time.Minute
	sayMost   = 5 // reasons; some name a port of ours, another one each time
)

// checkUser is what to do about a user that is refused.
const checkUser = "check user and password (bus.password_file, PSE_BUS_PASSWORD), bus.creds, bus.nkey_file or bus.cert, whichever the server asks for"

// refusal is why the bus cannot be used, as the library does not say it itself.
type refusal struct {
	dial     atomic.Pointer[error] // of the last attempt to reach a server
	denied   atomic.Pointer[error] // what the user may not do
	starting atomic.Bool           // what the user may not do keeps the bus from being used
	no       atomic.Bool           // the last attempt to connect again was refused
	said     struct {              // when it was said last, Unix ns
		refused, unreached atomic.Int64
	}
}

func newRefusal() *refusal {
	r := &refusal{}
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

func isAPI(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api)
}

// until tries until an attempt succeeds or ctx ends, and then says why none did: an
// attempt that had no answer in its time takes nothing from what was known before.
// Meanwhile the log has each reason once a minute.
func (b *Bus) until(ctx context.Context, address string, try func() error) error {
	var causes []error
	var said map[string]bool // in this minute; nil: it is too early
	next := time.Now().Add(sayFirst)
	for {
		err := try()
		if err == nil || errors.Is(err, nats.ErrAuthorization) {
			return err
		}
		err = b.refusal.cause(err)
		if causes == nil || !isAny(err, context.DeadlineExceeded, context.Canceled) {
			causes = b.causes(err)
		}
		if now := time.Now(); now.After(next) {
			next, said = now.Add(sayEvery), map[string]bool{}
		}
		for _, err := range causes {
			if text := err.Error(); said != nil && !said[text] && len(said) < sayMost {
				said[text] = true
				b.log.Warn("waiting for the bus", zap.String("at", address), zap.Error(err))
			}
		}
		if !sleep.For(ctx, waitAgain) {
			return fmt.Errorf("the bus at %s: %w", address, errors.Join(causes...))
		}
	}
}

// causes explains each error of several, those with the same advice once.
func (b *Bus) causes(err error) (all []error) {
	several, ok := err.(interface{ Unwrap() []error }) // not errors.As: what stands before it would be lost
	if !ok {
		return []error{b.explain(err)}
	}
	advised := map[string]bool{}
	for _, err := range several.Unwrap() {
		explained := b.explain(err)
		advice := strings.TrimPrefix(explained.Error(), err.Error())
		if advice == "" || !advised[advice] {
			all = append(all, explained)
		}
		advised[advice] = true
	}
	return all
}

// JetStream's error codes that say what an owner can change.
const (
	apiNoAccount    = 10039 // JetStream is not on for this account
	apiNoCluster    = 10074 // replicas without a cluster
	apiNoPeers      = 10005 // fewer servers than replicas
	apiNoMemory     = 10028
	apiNoStorage    = 10047
	apiNoResources  = 10023
	apiAccountLimit = 10002
	apiMaxStreams   = 10027
	apiMaxConsumers = 10026
	apiStreamLimit  = 10122
	apiNoTier       = 10120
)

// noRoom is what a cluster has in the text of apiNoPeers when it is not the
// number of its servers that is too small.
const noRoom = "insufficient storage"

// explain adds what to change to an error of a bus that cannot be used.
func (b *Bus) explain(err error) error {
	var api *jetstream.APIError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	advice := ""
	switch {
	case errors.As(err, &api):
		switch api.ErrorCode {
		case apiNoAccount:
			advice = "switch JetStream on for this account of the server: jetstream: enabled"
		case apiNoPeers, apiNoCluster:
			if strings.Contains(api.Description, noRoom) {
				advice = "raise max_memory_store and max_file_store of the servers: " + b.wanted()
				break
			}
			advice = fmt.Sprintf("bus.replicas is %d, and there are not so many servers: lower it, or add servers", b.logs.Replicas)
		case apiNoMemory:
			advice = "raise max_memory_store of the server, or max_memory of the account: " + b.wanted()
		case apiNoStorage:
			advice = "raise max_file_store of the server, or max_file of the account, or give its store_dir more room: " + b.wanted()
		case apiNoResources:
			advice = "raise max_memory_store and max_file_store of the server: " + b.wanted()
		case apiAccountLimit:
			advice = "raise max_memory and max_file of the account: " + b.wanted()
		case apiMaxStreams:
			advice = fmt.Sprintf("raise max_streams of the account: %d are wanted", len(b.logs.all(time.Time{})))
		case apiMaxConsumers:
			advice = "raise max_consumers of the account, or default_max_consumers of the server: each reader of a log takes one"
		case apiStreamLimit:
			advice = "raise mem_max_stream_bytes and disk_max_stream_bytes of the account: " + b.wanted()
		case apiNoTier:
			advice = fmt.Sprintf("the account has no limits for logs of %d replicas: give it that tier, or change bus.replicas", b.logs.Replicas)
		}
	case errors.As(err, &dns):
		advice = "is the name in bus.url (--bus) right?"
	case errors.As(err, &unknown), errors.As(err, &name):
		advice = "name the root to trust by bus.ca, and the server as its certificate does"
	case errors.As(err, &record):
		advice = "that server does not speak TLS: write nats:// in bus.url"
	case errors.As(err, &invalid):
		advice = "the certificate of the server is no good: renew it, or set the clock of this machine"
	case errors.Is(err, nats.ErrTLS), alerted(err):
		advice = "does the server ask for a client certificate that it trusts (bus.cert, bus.key)?"
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		advice = "the server wants TLS: write tls:// in bus.url"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		if b.domain != "" {
			return fmt.Errorf("JetStream has no domain %q there: %w; is bus.domain right?", b.domain, err)
		}
		return fmt.Errorf("JetStream is off there: %w; switch it on in the server's configuration: jetstream { store_dir: DIR }", err)
	case errors.Is(err, nats.ErrPermissionViolation):
		advice = "this user may not: take the password of the user worker (the file bus.password), not the integrator's, or let it do what deploy/nats.conf has for workers"
	case errors.Is(err, errSmallMessages):
		advice = "set it in the server's configuration: max_payload: 8MB"
	default:
		var op *net.OpError
		if errors.As(err, &op) || errors.Is(err, nats.ErrNoServers) {
			advice = "does it run?"
		}
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// wanted is how much the logs take of a server, or of an account with one replica.
func (b *Bus) wanted() string {
	var memory, files int64
	for _, sc := range b.logs.streams(time.Time{}) {
		if sc.Storage == jetstream.MemoryStorage {
			memory += sc.MaxBytes
		} else {
			files += sc.MaxBytes
		}
	}
	return fmt.Sprintf("%d MiB in memory and %d MiB in files are wanted (%d MiB of it are bus.hls_bytes), times bus.replicas for an account",
		memory>>20, files>>20, b.logs.HLSBytes>>20)
}

// leastConsumers is how many readers one log has on a home's busy day: of the source
// one for each stream, of events one for each subscription. An account's max_consumers
// counts those of each log by itself (findings/nats-account-max-consumers.sh).
const leastConsumers = 64

// sayFewConsumers says when an account lets too few consumers be made: the first are
// made all the same, and the one too many would fail under a stream.
func (b *Bus) sayFewConsumers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	a, err := b.js.AccountInfo(ctx)
	if err != nil {
		return // who may not ask finds out
	}
	all := map[string]jetstream.AccountLimits{"": a.Limits}
	for tier, t := range a.Tiers {
		all[" (tier "+tier+")"] = t.Limits
	}
	for tier, l := range all {
		if l.MaxConsumers > 0 && l.MaxConsumers < leastConsumers {
			b.log.Warn("the account lets a log have few readers; raise max_consumers, each takes one",
				zap.String("max_consumers", fmt.Sprint(l.MaxConsumers, tier)), zap.Int("wanted", leastConsumers))
		}
	}
}

// alerted says that the other side ended a handshake of TLS: its alert comes as an
// error of the connection, of a type that crypto/tls does not export.
func alerted(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// errSmallMessages says that pictures would not fit into the server's messages.
var errSmallMessages = errors.New("the bus takes too small messages")

// largeEnough says whether the server takes messages of MaxPayload.
func largeEnough(nc *nats.Conn) error {
	if most := nc.MaxPayload(); most < MaxPayload {
		return fmt.Errorf("%w, of %d bytes at most, and %d are wanted", errSmallMessages, most, MaxPayload)
	}
	return nil
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
func (b *Bus) unreached(_ *nats.Conn, err error) {
	no := refuses(err)
	b.refusal.no.Store(no)
	said := &b.refusal.said.unreached
	if no {
		said = &b.refusal.said.refused
	}
	now := time.Now().UnixNano()
	if last := said.Load(); now-last < int64(sayEvery) || !said.CompareAndSwap(last, now) {
		return
	}
	if no {
		b.log.Error("the bus refuses this user now", zap.Error(err), zap.String("so", checkUser+"; then restart"))
		return
	}
	b.log.Warn("the bus cannot be reached", zap.Error(b.explain(b.refusal.cause(err))))
}
