package transcode

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// mix puts the tags of several tracks in order.
func mix(tracks ...[]timed) []timed {
	all := slices.Concat(tracks...)
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	return all
}

// worker is one that the test may look into.
func (r *rig) worker(b *bus.Bus) *Worker {
	r.t.Helper()
	w, err := New(DefaultConfig(), b, r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			r.t.Errorf("worker: %v", err)
		}
	}()
	r.t.Cleanup(func() { cancel(); <-done })
	return w
}

// finished waits until a worker knows a session to be finished.
func (w *Worker) finished(t testing.TB, sid, session string) {
	t.Helper()
	waitFor(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.finishedSessions[sid] == session && w.jobs[sid] == nil
	})
}

// ends counts the ends among a rendition's parts.
func ends(parts []*bus.Part) (n int) {
	for _, p := range parts {
		if p.EOS {
			n++
		}
	}
	return n
}

// until reads the parts log up to a number, by rendition.
func (r *rig) until(seq uint64) map[string][]*bus.Part {
	r.t.Helper()
	reader, err := r.b.FollowParts(r.t.Context(), r.sid, 0, true)
	if err != nil {
		r.t.Fatal(err)
	}
	defer reader.Stop()
	all := map[string][]*bus.Part{}
	for {
		p, _, err := reader.Next(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		all[p.Rendition] = append(all[p.Rendition], p)
		if p.Seq >= seq {
			return all
		}
	}
}

// A worker that died between the ends of two renditions leaves a job that the
// next one finishes; each rendition has one end.
func TestHalfAnEnd(t *testing.T) {
	r := newRig(t, "live")
	stop := r.work()
	last := r.publish(chunksOf(r.sid, r.wall, mix(pictures(t, 0, 5000, 40, 50, 0), sounds(0, 5000))))
	r.reached(sourceName, 4700)
	stop()
	p, err := r.b.LastPart(t.Context(), r.sid, sourceName)
	if err != nil {
		t.Fatal(err)
	}
	// What rendition.finish does, of one of the two renditions.
	end := &bus.Part{SID: r.sid, Rendition: sourceName, MSN: p.MSN + 1, Start: p.End, End: p.End, EOS: true, Source: p.Source, Resume: p.Resume}
	if _, err := r.b.PublishPart(t.Context(), end, p.Seq); err != nil {
		t.Fatal(err)
	}
	r.end(last)
	r.worker(r.b).finished(t, r.sid, "s1")
	for name, parts := range r.collect(sourceName, audioName) {
		if n := ends(parts); n != 1 {
			t.Errorf("%s has %d ends", name, n)
		}
	}
}

// Two workers; a session with sound, one without, and a third: nobody waits
// for an end that is there already, and the rendition that is left over has one.
func TestSessionsOfTwoWorkers(t *testing.T) {
	r := newRig(t, "live")
	b, err := bus.Connect(t.Context(), bus.Options{Server: r.srv, Name: "second", Logs: patient}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	workers := []*Worker{r.worker(r.b), r.worker(b)}
	for i, tags := range [][]timed{
		mix(pictures(t, 0, 5000, 40, 50, 0), sounds(0, 5000)),
		pictures(t, 0, 5000, 40, 50, 0), // no microphone
		pictures(t, 0, 5000, 40, 50, 0),
	} {
		session := []string{"s1", "s2", "s3"}[i]
		r.wall += 60_000
		r.session(session, "live")
		r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
		for _, w := range workers {
			w.finished(t, r.sid, session)
		}
	}
	last, err := r.b.LastPart(t.Context(), r.sid, sourceName)
	if err != nil || !last.EOS {
		t.Fatalf("%+v, %v", last, err)
	}
	for name, want := range map[string]int{sourceName: 3, audioName: 1} {
		if n := ends(r.until(last.Seq)[name]); n != want {
			t.Errorf("%s has %d ends, want %d", name, n, want)
		}
	}
}

// A worker that takes over goes on where the session is, whatever an earlier
// one of the name left: it was longer, and had a rendition more.
func TestTakeOverAfterALongerSession(t *testing.T) {
	r := newRig(t, "live")
	stop := r.work()
	r.end(r.publish(chunksOf(r.sid, r.wall, mix(pictures(t, 0, 30_000, 40, 50, 0), sounds(0, 30_000)))))
	seen := uint64(0)
	for _, parts := range r.collect(sourceName, audioName) {
		seen = max(seen, parts[len(parts)-1].Seq)
	}
	r.wall += 60_000
	r.session("s2", "live")
	chunks := chunksOf(r.sid, r.wall, pictures(t, 0, 12_000, 40, 50, 0))
	r.publish(chunks[:len(chunks)/2])
	waitFor(t, func() bool {
		p, err := r.b.LastPart(t.Context(), r.sid, sourceName)
		return err == nil && p.Seq > seen && p.End > 5500
	})
	stop()
	r.work()
	r.end(r.publish(chunks[len(chunks)/2:]))
	check(t, sourceName, r.collectFrom(seen+1, sourceName)[sourceName])
}

// A session that ended within the first GOP after a return; then another
// session: discontinuities are counted on.
func TestDiscontinuitiesOverSessions(t *testing.T) {
	r := newRig(t, "live")
	r.work()
	r.publish(chunksOf(r.sid, r.wall, pictures(t, 0, 7000, 40, 50, 0)))
	r.end(r.publish(chunksOf(r.sid, r.wall, pictures(t, 9000, 10_500, 40, 50, 1))))
	got := r.collect(sourceName)[sourceName]
	seen := got[len(got)-1].Seq
	r.wall += 60_000
	r.session("s2", "live")
	r.end(r.publish(chunksOf(r.sid, r.wall, pictures(t, 0, 5000, 40, 50, 0))))
	got = append(got, r.collectFrom(seen+1, sourceName)[sourceName]...)
	numbered(t, sourceName, got)
	for _, p := range got {
		if p.Segment != nil && p.Segment.Session == "s2" {
			if p.Segment.DiscontinuitySeq != 2 {
				t.Errorf("the second session begins with discontinuity %d, not 2", p.Segment.DiscontinuitySeq)
			}
			break
		}
	}
	waitFor(t, func() bool {
		l, err := r.b.GetStreamRecord(t.Context(), r.sid)
		return err == nil && l.Discontinuities == 2
	})
}

// One picture dropped of a source without sound, in a part's middle and before a key frame.
func TestPartsWithoutSound(t *testing.T) {
	for _, missing := range []int64{3200, 5960} {
		r := newRig(t, "live")
		r.work()
		tags := only(pictures(t, 0, 9000, 40, 50, 0), func(x timed) bool { return x.at != missing })
		r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
		got := r.collect(sourceName)[sourceName]
		numbered(t, sourceName, got)
		if n := discontinuities(got); n != 0 {
			t.Errorf("without the picture at %d ms: %d discontinuities", missing, n)
		}
		if missing == 3200 {
			check(t, sourceName, got)
		}
	}
}
