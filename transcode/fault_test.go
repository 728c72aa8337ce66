package transcode

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// An ffmpeg that hangs is replaced; nothing is missing.
func TestFFmpegHangs(t *testing.T) {
	t.Parallel()
	tags := record(t, picture360+tone+"-t 14 "+x264+noBFrames+"-g 60 "+aac)
	r := newRig(t, "live")
	r.work()
	chunks := chunksOf(r.sid, r.wall, tags)
	half := len(chunks) / 3
	r.publish(chunks[:half])
	waitFor(t, func() bool {
		p, err := r.b.LastPart(t.Context(), r.sid, "240p")
		return err == nil && p.MSN > 0
	})
	for _, pid := range ffmpegs(t) {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	r.end(r.pace(1, chunks[half:]))
	got := r.collect(sourceName, "240p", audioName)
	for name, parts := range got {
		check(t, name, parts)
		decode(t, name, parts)
	}
	same(t, got[sourceName], got["240p"])
}

// An ffmpeg that hangs again and again, as one that starves does, has the dearest
// rendition given up: the others go on.
func TestFFmpegHangsAgain(t *testing.T) {
	t.Parallel()
	starved := filepath.Join(t.TempDir(), "ffmpeg")
	script := "#!/usr/bin/env bash\ncase \"$*\" in *scale=854:480*) exec sleep 1000 ;; esac\nexec ffmpeg \"$@\"\n"
	if err := os.WriteFile(starved, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, "live")
	cfg := DefaultConfig()
	cfg.FFmpeg = starved
	r.workOn(r.b, cfg, false)
	tags := record(t, "-f lavfi -i testsrc2=size=1280x720:rate=10 "+tone+"-t 4 "+x264+noBFrames+"-g 20 "+aac)
	r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
	got := r.collect(sourceName, "240p", audioName)
	for name, parts := range got {
		if name != "480p" {
			check(t, name, parts)
		} else if len(parts) > 0 && !parts[0].EOS {
			t.Errorf("480p has %d parts", len(parts))
		}
	}
	same(t, got[sourceName], got["240p"])
}

// An ffmpeg whose first picture takes longer than a hang does, as on a machine
// that is busy, is not ended for it again and again.
func TestSlowStartIsNoHang(t *testing.T) {
	t.Parallel()
	slow := filepath.Join(t.TempDir(), "ffmpeg")
	script := fmt.Sprintf("#!/bin/sh\nsleep %d\nexec ffmpeg \"$@\"\n", int(ladderHang/time.Second)+1)
	if err := os.WriteFile(slow, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, "live")
	cfg := DefaultConfig()
	cfg.FFmpeg = slow
	r.workOn(r.b, cfg, false)
	r.end(r.publish(chunksOf(r.sid, r.wall, record(t, short))))
	for name, parts := range r.collect(sourceName, "240p", audioName) {
		check(t, name, parts)
	}
}

// A worker that is gone leaves no ffmpeg behind.
func TestNoOrphans(t *testing.T) {
	tags := record(t, short)
	r := newRig(t, "live")
	kill := r.mortal()
	r.publish(chunksOf(r.sid, r.wall, tags))
	waitFor(t, func() bool { return len(ffmpegs(t)) > 0 })
	pids := ffmpegs(t)
	kill()
	waitFor(t, func() bool {
		for _, pid := range pids {
			if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid))); err == nil {
				return false
			}
		}
		return true
	})
}

// A stream that ended while no worker was there is made whole all the same.
func TestEndedBefore(t *testing.T) {
	r := newRig(t, "live")
	r.end(r.publish(chunksOf(r.sid, r.wall, record(t, short))))
	stop := r.work()
	got := r.collect(sourceName, "240p", audioName)
	for name, parts := range got {
		check(t, name, parts)
	}
	stop()
	r.work() // sees that nothing is left to do
	if live, err := r.b.GetStreamRecord(t.Context(), r.sid); err != nil || live.NextMSN == 0 {
		t.Errorf("%+v, %v", live, err)
	}
}

// A second session of a name goes on with the numbers of the first, with a discontinuity.
func TestSecondSession(t *testing.T) {
	tags := record(t, short)
	r := newRig(t, "live")
	r.work()
	r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
	first := r.collect(sourceName, "240p", audioName)
	seen := first[sourceName][len(first[sourceName])-1].Seq
	for _, p := range first {
		seen = max(seen, p[len(p)-1].Seq)
	}
	r.wall += 60_000
	if _, err := r.b.UpdateStreamRecord(t.Context(), r.sid, func(l *bus.StreamRecord) error {
		l.State, l.Session, l.StartedAt, l.LastMedia = bus.StateLive, "s2", r.wall, 0
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
	second := r.collectFrom(seen+1, sourceName, "240p", audioName)
	var msn uint64
	for name, parts := range second {
		check(t, name, parts)
		decode(t, name, parts)
		p := parts[0]
		if p.Segment == nil || p.Segment.Session != "s2" || !p.Segment.Discontinuity || p.Segment.DiscontinuitySeq != 1 {
			t.Errorf("%s: %+v", name, p.Segment)
		}
		if last := first[name][len(first[name])-2]; p.MSN <= last.MSN {
			t.Errorf("%s: begins with %d after %d", name, p.MSN, last.MSN)
		}
		if msn == 0 {
			msn = p.MSN
		}
		if p.MSN != msn {
			t.Errorf("%s: begins with %d, not %d", name, p.MSN, msn)
		}
	}
}

// Media that is gone from the log leaves a discontinuity at the same segment everywhere.
func TestMediaLost(t *testing.T) {
	tags := record(t, picture360+tone+"-t 12 "+x264+noBFrames+"-g 60 "+aac)
	for _, killed := range []bool{false, true} {
		r := newRig(t, "live")
		kill := r.mortal()
		chunks := chunksOf(r.sid, r.wall, tags)
		r.publish(chunks[:50])
		waitFor(t, func() bool {
			for _, name := range []string{sourceName, "240p", audioName} {
				if p, err := r.b.LastPart(t.Context(), r.sid, name); err != nil || p.MSN < 2 {
					return false
				}
			}
			return true
		})
		if killed {
			kill()
			r.work()
		}
		r.end(r.publish(chunks[70:]))
		got := r.collect(sourceName, "240p", audioName)
		var at []uint64
		for name, parts := range got {
			check(t, name, parts)
			for _, p := range parts {
				if p.Segment != nil && p.Segment.Discontinuity {
					at = append(at, p.MSN)
				}
			}
		}
		if len(at) != 3 || at[0] != at[1] || at[1] != at[2] {
			t.Errorf("killed %v: discontinuities at %v", killed, at)
		}
		kill()
	}
}

// A machine that cannot keep up gives the heaviest rendition up, and the others go on.
func TestShed(t *testing.T) {
	if os.Getenv("PSE_LONG") == "" {
		t.Skip("takes all of the machine for half a minute; make test-long runs it")
	}
	slow := filepath.Join(t.TempDir(), "ffmpeg")
	script := `#!/usr/bin/env bash
# An encoder that is slow, unless it has little to do.
case "$*" in *scale=854:480*) sleep 1; exec ffmpeg "${@//superfast/placebo}" ;; esac
exec ffmpeg "$@"
`
	if err := os.WriteFile(slow, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	tags := record(t, picture720+tone+"-t 40 "+x264+noBFrames+"-g 60 "+aac)
	r := newRig(t, "live")
	cfg := DefaultConfig()
	cfg.FFmpeg = slow
	r.workOn(r.b, cfg, false)
	r.end(r.pace(2, chunksOf(r.sid, r.wall, tags)))
	got := r.collect(sourceName, "240p", audioName)
	for name, parts := range got {
		if name != "480p" {
			check(t, name, parts)
		}
	}
	same(t, got[sourceName], got["240p"])
	if parts := got["480p"]; len(parts) > 0 && parts[len(parts)-1].End > 35_000 {
		t.Error("480p was not given up")
	}
}
