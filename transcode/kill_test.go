package transcode

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// ffmpegs are the ffmpeg children of this process that encode.
func ffmpegs(t testing.TB) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		pid, rest, _ := strings.Cut(string(b), " (ffmpeg) ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) || fields[0] == "Z" {
			continue
		}
		cmd, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
		if n, err := strconv.Atoi(pid); err == nil && bytes.Contains(cmd, []byte("filter_complex")) {
			pids = append(pids, n)
		}
	}
	return pids
}

// The stream's ffmpeg is killed many times: no part is missing, none comes
// twice, pictures and sound go on, and no decoder complains.
func TestFFmpegKilled(t *testing.T) {
	t.Parallel()
	tags := record(t, picture360+tone+"-t 16 "+x264+noBFrames+"-g 45 "+aac)
	r := newRig(t, "live")
	r.work()
	done := make(chan struct{})
	kills := 0
	go func() {
		defer close(done)
		for end := time.After(13 * time.Second); ; {
			select {
			case <-end:
				return
			case <-time.After(time.Duration(200+rand.IntN(700)) * time.Millisecond):
			}
			for _, pid := range ffmpegs(t) {
				if syscall.Kill(pid, syscall.SIGKILL) == nil {
					kills++
				}
			}
		}
	}()
	last := r.pace(1.2, chunksOf(r.sid, r.wall, tags))
	<-done
	r.end(last)
	got := r.collect(sourceName, "240p", audioName)
	for name, parts := range got {
		check(t, name, parts)
		decode(t, name, parts)
	}
	same(t, got[sourceName], got["240p"])
	t.Logf("%d kills", kills)
}

// Workers die one after the other in the middle of their work. What they
// leave together is what one alone would have made.
func TestWorkersKilled(t *testing.T) {
	plain := record(t, short)
	for _, c := range []struct {
		name, app string
		tags      []timed
		exact     []string // renditions of the source's own bytes
		encoded   []string
	}{
		{"pass with B-frames", "live", record(t, picture360+tone+"-t 15 "+x264+"-bf 2 -g 50 "+aac), []string{sourceName, audioName}, []string{"240p"}},
		{"long GOPs", "live", record(t, picture360+tone+"-t 15 "+x264+noBFrames+"-g 300 -keyint_min 300 "+aac), []string{audioName}, []string{sourceName, "240p"}},
		{"reconnect", "live", append(shift(plain, 0, 0), shift(plain, 9_000, 1)...), []string{sourceName, audioName}, []string{"240p"}},
		{"p2p", "p2p", record(t, picture360+tone+"-t 12 "+x264+noBFrames+"-g 75 "+aac), []string{audioName}, []string{"0", "1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name != "reconnect" && os.Getenv("PSE_LONG") == "" {
				t.Skip("long: make test-long runs it")
			}
			t.Parallel()
			names := append(append([]string(nil), c.exact...), c.encoded...)
			alone := newRig(t, c.app)
			stop := alone.work()
			chunks := chunksOf(alone.sid, alone.wall, c.tags)
			alone.end(alone.publish(chunks))
			want := alone.collect(names...)
			stop()

			r := newRig(t, c.app)
			r.wall = alone.wall
			if _, err := r.b.UpdateStreamRecord(t.Context(), r.sid, func(l *bus.StreamRecord) error { l.StartedAt = r.wall; return nil }); err != nil {
				t.Fatal(err)
			}
			fed := make(chan uint64, 1)
			go func() { fed <- r.pace(1, chunks) }()
			kills := 0
			var last, done uint64 // of the media log, and of the parts log
			for last == 0 {
				kill := r.mortal()
				// It dies when it has done something, however long that takes on
				// a busy machine: else none gets on.
				waitFor(t, func() bool {
					p, err := r.b.LastPart(t.Context(), r.sid, c.encoded[0])
					on := err == nil && p.Seq > done
					if on {
						done = p.Seq
					}
					return on || len(fed) > 0
				})
				select {
				case last = <-fed:
				case <-time.After(time.Duration(rand.IntN(2500)) * time.Millisecond):
				}
				kill()
				kills++
			}
			r.end(last)
			r.work()
			got := r.collect(names...)
			for _, name := range names {
				check(t, name, got[name])
				decodeAll(t, name, got[name])
				same(t, want[name], got[name])
			}
			for _, name := range c.exact {
				for i, p := range got[name] {
					if i < len(want[name]) && !bytes.Equal(p.Data, want[name][i].Data) {
						t.Errorf("%s: part %d.%d has other bytes than an undisturbed worker's", name, p.MSN, p.Index)
					}
				}
			}
			t.Logf("%d kills", kills)
		})
	}
}

// Two workers that both believe in their lease, as one that was stopped and
// woke up does, cannot harm the stream: the fence lets one part through.
func TestFence(t *testing.T) {
	if os.Getenv("PSE_LONG") == "" {
		t.Skip("two encoders fight for the whole machine: only with PSE_LONG=1")
	}
	t.Parallel()
	tags := record(t, picture360+tone+"-t 10 "+x264+noBFrames+"-g 60 "+aac)
	r := newRig(t, "live")
	w, err := New(DefaultConfig(), r.b, r.log)
	if err != nil {
		t.Fatal(err)
	}
	defer w.leases.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var fenced atomic.Int32
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				live, err := r.b.GetStreamRecord(ctx, r.sid)
				if err != nil {
					return
				}
				j := newJob(w.shared, w.log, live)
				go func() { _ = r.b.WatchStreamRecords(ctx, j.update) }()
				err = j.run(ctx)
				if errors.Is(err, bus.ErrFenced) {
					fenced.Add(1)
				}
				if errors.Is(err, errFinished) {
					return
				}
			}
		})
	}
	r.end(r.pace(2, chunksOf(r.sid, r.wall, tags)))
	got := r.collect(sourceName, "240p", audioName)
	cancel()
	wg.Wait()
	for name, parts := range got {
		check(t, name, parts)
		decode(t, name, parts)
	}
	same(t, got[sourceName], got["240p"])
	if fenced.Load() == 0 {
		t.Error("the two never met")
	}
	t.Logf("fenced %d times", fenced.Load())
}

// same finds differences in the numbers and times of two renditions.
func same(t testing.TB, a, b []*bus.Part) {
	t.Helper()
	if len(a) != len(b) {
		t.Errorf("%d parts and %d", len(a), len(b))
		return
	}
	for i := range a {
		if a[i].MSN != b[i].MSN || a[i].Index != b[i].Index || a[i].Start != b[i].Start || a[i].End != b[i].End {
			t.Errorf("%s %d.%d [%d,%d) and %s %d.%d [%d,%d)", a[i].Rendition, a[i].MSN, a[i].Index, a[i].Start, a[i].End, b[i].Rendition, b[i].MSN, b[i].Index, b[i].Start, b[i].End)
		}
	}
}
