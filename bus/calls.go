package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
)

// callsLog is the log of calls.
type callsLog struct{ c *conn.Conn }

// PublishSignals stores a batch of signals (Signal.Append) as one entry of the
// log of calls and returns when it is stored: all of it or nothing. On ErrAway
// call it again with the same n and batch, which is then stored once. n must
// rise by one from batch to batch; batches must go one after the other.
func (l callsLog) PublishSignals(ctx context.Context, n uint64, batch []byte) error {
	m := &nats.Msg{Subject: subjectCalls + l.c.ID(), Data: batch, Header: nats.Header{nats.MsgIdHdr: {fmt.Sprintf("%s-%d", l.c.ID(), n)}}}
	ctx, done := l.c.Bound(ctx)
	defer done()
	if _, err := l.c.JetStream().PublishMsg(ctx, m, jetstream.WithRetryAttempts(0)); err != nil {
		return l.c.Failed(ctx, err, "store signals")
	}
	return nil
}

// SignalReader reads the log of calls in order.
type SignalReader struct {
	f *conn.Reader
	// Empty says that there was no entry yet when it began.
	Empty bool
}

// FollowSignals reads the log of calls from a time on, then what comes, each
// entry once. It survives restarts of the server. Stop it.
func (l callsLog) FollowSignals(ctx context.Context, since time.Time) (*SignalReader, error) {
	from, err := conn.Since(ctx, l.c, logCalls, since)
	if err != nil {
		return nil, err
	}
	f, err := conn.Follow(ctx, l.c, logCalls, []string{subjectCalls + ">"}, from, false)
	if err != nil {
		return nil, err
	}
	info, err := conn.Info(ctx, l.c, logCalls)
	if err != nil {
		f.Stop()
		return nil, err
	}
	return &SignalReader{f, info.State.LastSeq < from}, nil
}

// Next waits for the next entry until ctx ends: its number, and how many more
// are there already. An entry that does not parse is ErrBadSignals; the next
// can be read.
func (r *SignalReader) Next(ctx context.Context) (seq uint64, signals []Signal, pending uint64, err error) {
	m, err := r.f.Next(ctx)
	if err != nil {
		return 0, nil, 0, err
	}
	signals, err = ParseSignals(m.Data)
	return m.Seq, signals, m.Pending, err
}

// Stop ends the reader.
func (r *SignalReader) Stop() { r.f.Stop() }
