package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/internal/model"
)

// outboxModel is state whose facts are told, and the log of events. Each key has
// facts from 1 on: so many are true, and so many are noted as told.
type outboxModel struct {
	t     *testing.T
	seed  uint64
	woken bool // facts are read from the state; else they are given

	mu          sync.Mutex // guards what follows
	trues, told map[string]int
	log         []string
	stored      map[string]bool
	tries       map[string]uint64
	away, sound bool // the bus; and nothing gets lost

	o       *Outbox // of the process that runs, whose end is:
	stop    context.CancelFunc
	kill    context.CancelFunc
	stopped chan struct{}
}

// luck is a number below n, the same for the same history.
func (m *outboxModel) luck(what string, n uint64) uint64 {
	h := fnv.New64a()
	m.tries[what]++
	fmt.Fprint(h, m.seed, what, m.tries[what])
	return h.Sum64() % n
}

var errModel = errors.New("not this time")

// publish is the bus: it takes a while, and may fail before or after it stored.
func (m *outboxModel) publish(ctx context.Context, ev Event, _ time.Time) error {
	id := event.ID(ev)
	m.mu.Lock()
	takes := time.Duration(m.luck("takes "+id, 30)) * time.Millisecond
	m.mu.Unlock()
	t := time.NewTimer(takes)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fate := m.luck("fate "+id, 10)
	switch {
	case m.away || fate == 0 && !m.sound || ctx.Err() != nil && fate < 5:
		return cmp.Or(ctx.Err(), errModel)
	case !m.stored[id]:
		m.stored[id] = true
		m.log = append(m.log, id)
	}
	if fate == 1 && !m.sound {
		return errModel
	}
	return ctx.Err()
}

// facts are those of a key that are not noted as told.
func (m *outboxModel) facts(ctx context.Context, key string) (all []Fact, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.sound && m.luck("read "+key, 10) == 0 {
		return nil, errModel
	}
	for n := m.told[key] + 1; n <= m.trues[key]; n++ {
		all = append(all, Fact{Event: started(key, strconv.Itoa(n)), At: time.Now(), Told: func(context.Context) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			if !m.sound && m.luck(fmt.Sprint("note ", key, n), 10) == 0 || ctx.Err() != nil {
				return cmp.Or(ctx.Err(), errModel)
			}
			m.told[key] = max(m.told[key], n)
			return nil
		}})
	}
	return all, nil
}

var modelKeys = []string{"a", "b", "c", "d", "e"}

// start starts a process, which finds all the state there is.
func (m *outboxModel) start() {
	ctx, stop := context.WithCancel(context.Background())
	hard, kill := context.WithCancel(context.Background())
	m.o = newOutbox(m.publish, nil, zap.NewNop())
	if m.woken {
		m.o.state = m.facts
	}
	m.stop, m.kill, m.stopped = stop, kill, make(chan struct{})
	go func() {
		defer close(m.stopped)
		m.o.RunUntil(ctx, hard)
	}()
	for _, key := range modelKeys {
		m.tell(key)
	}
}

// tell says that there may be something to tell of a key.
func (m *outboxModel) tell(key string) {
	if m.woken {
		m.o.Wake(key)
		return
	}
	facts, err := m.facts(context.Background(), key)
	for err != nil {
		facts, err = m.facts(context.Background(), key)
	}
	if err := m.o.Add(context.Background(), facts...); err != nil {
		m.t.Fatal(err)
	}
}

// end ends the process: at once, or when it has told what is left.
func (m *outboxModel) end(kill bool) {
	if kill {
		m.kill()
	} else {
		time.AfterFunc(outboxDrain, m.kill)
	}
	m.stop()
	<-m.stopped
	m.kill()
}

// Whatever happens to the bus, to notes and to processes, all that is true is told
// in the end, in order and once.
func TestOutboxOverRandomHistories(t *testing.T) {
	model.Run(t, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			m := &outboxModel{t: t, seed: r.Uint64(), woken: r.IntN(2) == 0, trues: map[string]int{}, told: map[string]int{}, stored: map[string]bool{}, tries: map[string]uint64{}}
			m.start()
			set := func(f func()) {
				m.mu.Lock()
				defer m.mu.Unlock()
				f()
			}
			for range 20 + r.IntN(200) {
				switch p := r.IntN(100); {
				case p < 60:
					key := modelKeys[r.IntN(len(modelKeys))]
					set(func() { m.trues[key]++ })
					m.tell(key)
				case p < 85:
					time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
				case p < 90:
					set(func() { m.away = !m.away })
				case p < 96:
					m.end(true)
					m.start()
				default:
					begin := time.Now()
					m.end(false)
					if took := time.Since(begin); took > outboxDrain {
						t.Errorf("a stop took %s", took)
					}
					m.start()
				}
			}
			set(func() { m.away, m.sound = false, true })
			if r.IntN(2) == 0 {
				m.end(true)
				m.start()
			}
			if err := m.o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			m.whole()
			key := modelKeys[0]
			set(func() { m.trues[key]++ })
			m.tell(key)
			m.end(false)
			m.whole() // what was new when it was to stop, too
		})
	})
}

// whole holds that all that is true is in the log, in order and once.
func (m *outboxModel) whole() {
	m.t.Helper()
	for _, key := range modelKeys {
		var want, got []string
		for n := range m.trues[key] {
			want = append(want, event.ID(started(key, strconv.Itoa(n+1))))
		}
		for _, id := range m.log {
			if slices.Contains(want, id) {
				got = append(got, id)
			}
		}
		if !slices.Equal(got, want) {
			m.t.Errorf("of %s is told %v, not %v", key, got, want)
		}
		if m.told[key] != m.trues[key] {
			m.t.Errorf("of %s %d of %d are noted as told", key, m.told[key], m.trues[key])
		}
	}
}
