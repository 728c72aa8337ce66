package conn

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"
)

func TestFollowPlace(t *testing.T) {
	one, other := time.Unix(1, 0), time.Unix(2, 0)
	for _, test := range []struct {
		name          string
		from, last    uint64
		seen, created time.Time
		want          uint64
	}{
		{"the oldest", 0, 10, time.Time{}, one, 0},
		{"from a number", 5, 10, time.Time{}, one, 5},
		{"from now on", 11, 10, time.Time{}, one, 11},
		{"from another log's number", 12, 10, time.Time{}, one, 0},
		{"same log", 11, 10, one, one, 11},
		{"same log without its end", 12, 10, one, one, 11},
		{"another log", 5, 10, one, other, 0},
	} {
		r := &Reader{c: &Conn{log: zaptest.NewLogger(t)}, from: test.from, created: test.seen}
		info := &jetstream.StreamInfo{Created: test.created}
		info.State.LastSeq = test.last
		if r.place(info); r.from != test.want {
			t.Errorf("%s: from %d, want %d", test.name, r.from, test.want)
		}
	}
}
