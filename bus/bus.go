package bus

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Bus is a worker's connection. Its methods may be called from any goroutine.
type Bus struct {
	id     string
	name   string
	nc     *nats.Conn
	js     jetstream.JetStream
	log    *zap.Logger
	logs   LogConfig
	domain string
	store  string // the directory of the embedded server; empty: the bus is elsewhere
	link   *link
	meter  *meter

	refusal *refusal

	handles sync.Mutex // guards the two below
	streams map[string]jetstream.Stream
	buckets map[string]jetstream.KeyValue

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	keepers sync.WaitGroup
	ensure  chan struct{} // asks the watcher to make missing logs again
	done    chan struct{} // closed when the watcher ended
}

// ID is this connection's own name, unique for ever: the worker's id.
func (b *Bus) ID() string { return b.id }

// Connected reports whether the bus can be reached now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// Close sends what is buffered and ends the connection.
func (b *Bus) Close() {
	if b == nil {
		return
	}
	b.cancel()
	<-b.done
	b.keepers.Wait()
	_ = b.nc.FlushTimeout(time.Second)
	b.nc.Close()
}

func (b *Bus) askEnsure() {
	select {
	case b.ensure <- struct{}{}:
	default:
	}
}

// watchLogs makes logs anew that a restarted server lost (memory logs do).
func (b *Bus) watchLogs() {
	defer close(b.done)
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.ensure:
		}
		for {
			ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
			err := b.ensureLogs(ctx)
			cancel()
			if err == nil || b.ctx.Err() != nil {
				break
			}
			select {
			case <-b.ctx.Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}
