package stream

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/hls"
	"go.uber.org/zap"
)

// Config is how streams are followed.
type Config struct {
	DVR        time.Duration // how far back lists go
	HoldBack   float64       // PART-HOLD-BACK in PART-TARGETs
	CacheBytes int           // memory for media away from the live edge, all streams together
	PinExtra   time.Duration // media kept in memory beyond the newest 3 target durations
	IdleAfter  time.Duration // a stream nobody asked for that long is no longer followed
	StartWait  time.Duration // how long a request waits for a stream that is just starting
	MaxViewers int           // how many different viewers of one stream are counted
}

// source is where all streams come from.
type source struct {
	cfg     Config
	bus     *bus.Bus
	log     *zap.Logger
	cache   *cache
	ctx     context.Context // ends with the following of streams
	parts   atomic.Uint64   // taken from the log
	waiting atomic.Int64    // requests that wait for a part to come
}

// cutAfter is how long a bus that is away may be back with what viewers wait for:
// as long as a blocked answer of 4 s segments is held.
const cutAfter = hls.HoldTargets * 4 * time.Second

// cutOff says that nothing is known of what goes on now: nothing must be claimed
// to be live, so that players and proxies turn to another edge.
func (s *source) cutOff() bool { return s.bus.AwayFor() > cutAfter }

// expired reports a stream that ended so long ago that its segments are going.
func (s *source) expired(l *bus.StreamRecord, now time.Time) bool {
	return l != nil && l.State == bus.StateEnded && now.Sub(time.UnixMilli(l.EndedAt)) > s.cfg.DVR
}
