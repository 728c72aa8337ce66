package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/hlscheck"
	"github.com/helios-h2020/pse/internal/logcheck"
	"github.com/helios-h2020/pse/internal/sleep"
)

// The whole program and each of its workers are killed and stopped at random
// moments of sessions in which a publisher comes and goes, changes the
// picture's size, loses and gains sound, and takes the same name again; and
// neither a strict client nor a reader of the log finds anything.
func TestRestarts(t *testing.T) {
	if os.Getenv("PSE_LONG") != "" {
		t.Run("split", func(t *testing.T) {
			restarts(t, splitWorld(t), restartForm{kills: 70, each: 8, span: 25 * time.Second, shots: 3}.plan)
		})
		t.Run("combined", func(t *testing.T) {
			restarts(t, combinedWorld(t), restartForm{kills: 30, each: 3, span: 20 * time.Second, shots: 3}.plan)
		})
		return
	}
	t.Run("split", func(t *testing.T) {
		restarts(t, splitWorld(t), restartForm{kills: 5, each: 5, span: 10 * time.Second, shots: 2}.plan)
	})
}

// restarts runs a plan on a world.
func restarts(t *testing.T, w *restartWorld, draw func(seed uint64, units []string) *restartPlan) {
	f, err := filmOnce()
	if err != nil {
		t.Fatal(err)
	}
	seed := restartSeed(t)
	plan, kills := draw(seed, w.victims), 0
	for _, s := range plan.sessions {
		kills += len(s.kills)
	}
	b, err := bus.Connect(t.Context(), bus.Options{URL: w.bus, Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r := &restartRun{
		t: t, w: w, b: b, film: f, seed: seed, log: followParts(t, w.bus, "cam"),
		pub: &restartPublisher{t: t, film: f, name: "cam", at: w.ingests, sent: map[uint64][]logcheck.Frame{}, cut: map[int]bool{}},
	}
	if r.sid, err = bus.SID("cam"); err != nil {
		t.Fatal(err)
	}
	r.check = logcheck.New(r.pub)
	r.check.Late = busy
	if w.witness != nil {
		if r.idle, err = memoryOf(w.witness); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range plan.sessions {
		r.session(i, s)
	}
	r.reread()
	if os.Getenv("PSE_LONG") != "" {
		r.letsGo(t)
	}
	all, kinds := w.tally()
	t.Logf("%d of %d struck: %v", all, kills, kinds)
	t.Log(r.check.Summary())
}

// restartRun is one run of a plan.
type restartRun struct {
	t        *testing.T
	w        *restartWorld
	b        *bus.Bus
	sid      string
	seed     uint64
	film     *film
	pub      *restartPublisher
	log      *partsLog
	check    *logcheck.Checker
	sessions int
	seen     []uint64   // log numbers of the parts that came
	read     uint64     // log number up to which check has seen the parts
	found    int        // its findings that were told
	idle     edgeMemory // of the edge that is never killed, before the first session
}

func (r *restartRun) session(i int, s planSession) {
	t := r.t
	t.Logf("session %d: %v", i, s)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), s.span()+3*time.Minute)
	defer cancel()
	begun, published, struck := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(published)
		r.pub.session(ctx, s, begun)
	}()
	<-begun
	go func() {
		defer close(struck)
		r.w.strike(ctx, s.kills)
	}()
	watched := r.watch(ctx, s)
	sent := make(chan error, 1)
	go func() { sent <- newRestartSender(r.w.takers, s.span(), r.seed+uint64(i)).run(ctx) }()
	<-published
	<-struck
	r.w.ready()
	r.over(ctx)
	parts := r.feed()
	for _, f := range r.check.Findings()[r.found:] {
		if f.Rule == logcheck.MediaLost && s.losesMedia() {
			t.Logf("lost with the bus, and flagged: %v", f) // else flag.missing is found too
			continue
		}
		t.Error(f)
	}
	r.found = len(r.check.Findings())
	r.film.pictures(t, parts, s.camera)
	r.holds(t)
	if err := <-sent; err != nil {
		t.Errorf("file: %v", err)
	}
	<-watched
	t.Logf("session %d took %v", i, time.Since(began).Round(time.Second))
}

// over waits until the record says that the stream has ended and every rendition in the log does.
func (r *restartRun) over(ctx context.Context) {
	r.t.Helper()
	var live *bus.StreamRecord
	eventually(r.t, func() (err error) {
		if live, err = r.b.GetStreamRecord(ctx, r.sid); err == nil && live.State != bus.StateEnded {
			err = fmt.Errorf("the stream is %s", live.State)
		}
		if errors.Is(err, bus.ErrNotFound) {
			err = nil // nothing of it came in
		}
		return err
	})
	if live == nil {
		return
	}
	r.log.await(r.t, "the end of each rendition", func() bool {
		for _, parts := range r.log.all {
			session, ended := "", false
			for i := len(parts) - 1; i >= 0 && session == ""; i-- {
				ended = ended || parts[i].EOS
				if g := parts[i].Segment; g != nil {
					session = g.Session
				}
			}
			if session == live.Session && !ended {
				return false
			}
		}
		return true
	})
}

// feed shows the parts that came since the last time to the checker, and returns them by rendition.
func (r *restartRun) feed() map[string][]*bus.Part {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	var fresh []*bus.Part
	for name, parts := range r.log.all {
		for _, p := range parts {
			if p.Seq > r.read {
				fresh = append(fresh, p.Part)
			}
		}
		r.log.all[name] = parts[max(0, len(parts)-200):] // of the others nobody asks again
	}
	slices.SortFunc(fresh, func(a, b *bus.Part) int { return cmp.Compare(a.Seq, b.Seq) })
	all := map[string][]*bus.Part{}
	sessions := map[string]bool{}
	for _, p := range fresh {
		r.check.Part(p)
		all[p.Rendition] = append(all[p.Rendition], p)
		if p.Segment != nil {
			sessions[p.Segment.Session] = true
		}
		r.read = p.Seq
		r.seen = append(r.seen, p.Seq)
	}
	for id := range sessions {
		r.check.Ended(id)
	}
	return all
}

// reread reads what the log still holds with a new reader: the one that lived
// through all restarts has had all of it, once.
func (r *restartRun) reread() {
	t := r.t
	t.Helper()
	reader, err := r.b.FollowParts(t.Context(), r.sid, 0, true)
	if err != nil {
		t.Error(err)
		return
	}
	defer reader.Stop()
	var held []uint64
	for pending := uint64(1); pending > 0; {
		var p *bus.Part
		if p, pending, err = reader.Next(t.Context()); err != nil {
			t.Error(err)
			return
		}
		held = append(held, p.Seq)
	}
	i, _ := slices.BinarySearch(r.seen, held[0])
	if !slices.Equal(held, r.seen[i:]) {
		t.Errorf("the log holds %d parts from %d to %d, and a reader that followed it had %d from there on", len(held), held[0], held[len(held)-1], len(r.seen)-i)
	}
}

// watch holds the session's HLS against the rules until it ends.
func (r *restartRun) watch(ctx context.Context, s planSession) <-chan struct{} {
	done := make(chan struct{})
	edges := r.w.edges
	first := edges[r.sessions%2%len(edges)] // never the witness
	r.sessions++
	o := hlscheck.Options{Duration: s.span() + time.Minute, Late: busy, Slack: 5 * time.Second, Outage: time.Minute}
	if r.w.witness != nil {
		o.Second = master(r.w.witness.HTTP)
	}
	before := r.read
	go func() {
		defer close(done)
		for r.starts(ctx, first, before) != nil {
			if !sleep.For(ctx, 100*time.Millisecond) {
				return
			}
		}
		rep, err := hlscheck.Check(ctx, master(first), o)
		if err != nil {
			r.t.Errorf("watch: %v", err)
			return
		}
		for _, f := range rep.Findings {
			if f.Rule != "master.cellular" || !s.silent() { // of pictures alone the smallest rendition has more
				r.t.Error(f)
			}
		}
		var b strings.Builder
		_ = rep.Print(&b, false)
		r.t.Log(b.String())
	}()
	return done
}

// starts tells whether an edge lists a session that is newer than the log was up to before.
func (r *restartRun) starts(ctx context.Context, edge string, before uint64) error {
	live, err := r.b.GetStreamRecord(ctx, r.sid)
	if err != nil {
		return err
	}
	r.log.mu.Lock()
	begins := uint64(0)
	for _, p := range r.log.all["source"] {
		if p.Seq > before && p.Segment != nil && p.Segment.Session == live.Session {
			begins = max(1, p.MSN)
			break
		}
	}
	r.log.mu.Unlock()
	if begins == 0 {
		return errors.New("nothing of the session is in the log")
	}
	text, err := get("http://"+edge+"/hls/cam/source/index.m3u8", 200)
	if err != nil {
		return err
	}
	l, err := hlscheck.ParseList(text)
	if err == nil && l.Next().MSN < begins {
		err = errors.New("the session before")
	}
	return err
}

func master(edge string) string { return "http://" + edge + "/hls/cam/index.m3u8" }
