package transcode

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
	tags := record(t, picture360+tone+"-t 20 "+x264+"-bf 2 -g 50 "+aac)
	alone := newRig(t, "live")
	alone.work()
	chunks := chunksOf(alone.sid, alone.wall, tags)
	alone.end(alone.publish(chunks))
	want := alone.collect(sourceName, "240p", audioName)

	r := newRig(t, "live")
	r.wall = alone.wall
	if _, err := r.b.UpdateLive(t.Context(), r.sid, func(l *bus.Live) error { l.StartedAt = r.wall; return nil }); err != nil {
		t.Fatal(err)
	}
	fed := make(chan uint64, 1)
	go func() { fed <- r.pace(1.4, chunks) }()
	kills := 0
	var last uint64
	for last == 0 {
		kill := r.mortal()
		select {
		case last = <-fed:
		case <-time.After(time.Duration(100+rand.IntN(1500)) * time.Millisecond):
		}
		kill()
		kills++
	}
	r.end(last)
	r.work()
	got := r.collect(sourceName, "240p", audioName)
	for name, parts := range got {
		check(t, name, parts)
		decode(t, name, parts)
	}
	for _, name := range []string{sourceName, audioName} {
		if len(got[name]) != len(want[name]) {
			t.Errorf("%s: %d parts, want %d", name, len(got[name]), len(want[name]))
			continue
		}
		for i, p := range got[name] {
			if w := want[name][i]; p.MSN != w.MSN || p.Index != w.Index || p.Start != w.Start || p.End != w.End || !bytes.Equal(p.Data, w.Data) {
				t.Errorf("%s: part %d.%d [%d,%d) is not what an undisturbed worker makes: %d.%d [%d,%d)", name, p.MSN, p.Index, p.Start, p.End, w.MSN, w.Index, w.Start, w.End)
			}
		}
	}
	same(t, want["240p"], got["240p"])
	t.Logf("%d kills", kills)
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
