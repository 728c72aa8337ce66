package transcode

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// BenchmarkPath compares the CPU of the whole path (bus, parts of four
// renditions, ffmpeg) with that of a bare ffmpeg that encodes the same ladder
// into nothing. It reports CPU-seconds per second of media and their ratio.
func BenchmarkPath(b *testing.B) {
	const seconds = 20
	tags := record(b, picture720+tone+"-t 20 "+x264+noBFrames+"-g 60 -b:v 3M "+aac)
	file := filepath.Join(b.TempDir(), "in.flv")
	out := []byte{'F', 'L', 'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0}
	for _, t := range tags {
		out = bus.AppendTag(out, t.Tag)
	}
	if err := os.WriteFile(file, out, 0o600); err != nil {
		b.Fatal(err)
	}
	var bare, path, self time.Duration
	for b.Loop() {
		before := cpu(syscall.RUSAGE_CHILDREN)
		args := []string{"-v", "error", "-nostdin", "-copyts", "-threads", "1", "-i", file, "-filter_complex"}
		outs := [][2]int{{854, 480}, {426, 240}}
		args = append(args, fmt.Sprintf("[0:v]split=2[s0][s1];[s0]scale=%d:%d[v0];[s1]scale=%d:%d[v1]", outs[0][0], outs[0][1], outs[1][0], outs[1][1]))
		for i, rate := range []string{"1200k", "400k"} {
			args = append(args, "-map", []string{"[v0]", "[v1]"}[i], "-an")
			args = append(args, strings.Fields("-c:v libx264 -preset superfast -tune zerolatency -threads 1 -pix_fmt yuv420p -profile:v main -sc_threshold 0 -b:v "+rate+" -maxrate "+rate+" -bufsize "+rate+" -g 600 -force_key_frames source -fps_mode passthrough -f null -")...)
		}
		if msg, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, msg)
		}
		bare += cpu(syscall.RUSAGE_CHILDREN) - before

		before, me := cpu(syscall.RUSAGE_CHILDREN), cpu(syscall.RUSAGE_SELF)
		r := newRig(b, "live")
		stop := r.work()
		r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
		r.collect(sourceName, "480p", "240p", audioName)
		stop()
		self += cpu(syscall.RUSAGE_SELF) - me
		path += cpu(syscall.RUSAGE_CHILDREN) - before + cpu(syscall.RUSAGE_SELF) - me
	}
	n := float64(b.N) * seconds
	b.ReportMetric(bare.Seconds()/n, "bare-cpu/s")
	b.ReportMetric(path.Seconds()/n, "path-cpu/s")
	b.ReportMetric(self.Seconds()/n, "own-cpu/s")
	b.ReportMetric(path.Seconds()/bare.Seconds(), "path/bare")
}

// cpu is the processor time used so far by us or by our ended children.
func cpu(who int) time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(who, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
