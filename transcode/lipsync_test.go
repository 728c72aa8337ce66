package transcode

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// A white flash and a beep at the start of each second, from the second one on.
const (
	flash = "-f lavfi -i color=black:size=640x360:rate=30,drawbox=c=white:t=fill:enable='gte(t,1)*lt(mod(t+0.001,1),0.1)' "
	beep  = "-f lavfi -i aevalsrc=gte(t\\,1)*lt(mod(t\\,1)\\,0.1)*sin(2*PI*1000*t):s=48000 "
)

// In every rendition that has both, a flash is seen when its beep is heard: within 20 ms
// of what the source says.
func TestLipSyncOfEveryRendition(t *testing.T) {
	t.Parallel()
	for name, pictures := range map[string]string{"b-frames": "-bf 3 -g 60 ", "fixed GOP": "-bf 2 -g 400 -keyint_min 400 "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "live")
			r.work()
			tags := record(t, flash+beep+"-t 9 "+x264+pictures+aac)
			r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
			for name, parts := range r.collect(sourceName, "240p", audioName) {
				if name == audioName {
					continue
				}
				for i, stretch := range stretches(parts) {
					flashes, beeps := eventsOf(t, decode(t, fmt.Sprintf("%s-%d", name, i), stretch))
					flashes, beeps = before(flashes, stretch), before(beeps, stretch)
					n := min(len(flashes), len(beeps))
					if n < 3 || len(flashes) != len(beeps) {
						t.Fatalf("%s: flashes at %v, beeps at %v", name, flashes, beeps)
					}
					for i := range n {
						if off := beeps[i] - flashes[i]; math.Abs(off) > 0.020 {
							t.Errorf("%s: the beep of the flash at %.3f s is %.0f ms off", name, flashes[i], 1000*off)
						}
					}
					t.Logf("%s: flashes %.3f, beeps %.3f", name, flashes, beeps)
				}
			}
		})
	}
}

// eventsOf are the times at which it turns bright and loud, in s.
func eventsOf(t *testing.T, file string) (flashes, beeps []float64) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-nostdin", "-copyts", "-i", file,
		"-vf", "blackdetect=d=0.2:pix_th=0.5", "-af", "silencedetect=n=-30dB:d=0.2", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var at float64
		if _, s, ok := strings.Cut(lines.Text(), "black_end:"); ok {
			if _, err := fmt.Sscan(s, &at); err == nil {
				flashes = append(flashes, at)
			}
		}
		if _, s, ok := strings.Cut(lines.Text(), "silence_end: "); ok {
			if _, err := fmt.Sscan(s, &at); err == nil {
				beeps = append(beeps, at)
			}
		}
	}
	return flashes, beeps
}

// before leaves out what is only the end of a stretch.
func before(times []float64, stretch []*bus.Part) []float64 {
	end := 0.0
	for _, p := range stretch {
		end = max(end, float64(p.End)/1000)
	}
	return slices.DeleteFunc(times, func(at float64) bool { return at > end-0.1 })
}

// drifting is a sink that sees how far the sound is from where its publisher had it.
type drifting struct {
	discard
	kept   int
	filled int
	worst  float64 // ms
}

func (d *drifting) audioFrame(g *period, f cmaf.AudioFrame) {
	if len(f.Data) != 8 {
		d.filled++
		return
	}
	d.kept++
	var at int64
	for _, b := range f.Data {
		at = at<<8 | int64(b)
	}
	d.worst = max(d.worst, math.Abs(float64(f.Sample)*1000/float64(g.audio.Rate)-float64(at)))
}

// The clock of an encoder's sound runs 200 millionths faster or slower than that of its
// pictures, for ten minutes: 120 ms, of which nobody sees more than a few frames, and
// but a few frames of sound are lost or added.
func TestSoundDriftsFromThePictures(t *testing.T) {
	t.Parallel()
	for _, ppm := range []float64{-200, 200} {
		t.Run(fmt.Sprint(ppm), func(t *testing.T) {
			t.Parallel()
			const length = 600_000
			sound, video := sounds(0, length), pictures(t, 0, length, 40, 50, 0)
			n := 0
			for i := range sound {
				if !sound[i].IsAACFrame() {
					continue
				}
				// The publisher's timestamps tell when it was sampled, by the clock of the pictures.
				sound[i].at = int64(math.Round(float64(n) * 1024 / 48 * (1 + ppm/1e6)))
				body := []byte{0xaf, 1}
				for shift := 56; shift >= 0; shift -= 8 {
					body = append(body, byte(sound[i].at>>shift))
				}
				sound[i].Data = body
				n++
			}
			d := &drifting{}
			tl := &timeline{sink: d, profile: Profiles()["live"]}
			tl.s = timelineState{Session: "s", N: -1, PartTarget: 227, Frame: 40, FPS: 25, AudioLag: audioLagStart}
			all := append(sound, video...)
			slices.SortStableFunc(all, func(a, b timed) int { return int(a.at - b.at) })
			chunks := chunksOf("s", 0, all)
			for _, c := range chunks {
				if err := tl.chunk(c); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d of %d frames kept, %d filled in, %.0f ms off at most", d.kept, n, d.filled, d.worst)
			if off := 2.0 * length * math.Abs(ppm) / 1e6 / (1024 / 48.0); d.worst > audioSlack+25 || float64(n-d.kept) > off || float64(d.filled) > off {
				t.Error("too far off, or too much lost")
			}
		})
	}
}
