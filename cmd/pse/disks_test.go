package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/disk/disktest"
	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/sleep"
)

// A disk that others fill to the last byte under a stream, in the long run three
// times and for longer: an owner is told, what does not fit is refused, files can be deleted meanwhile,
// and when there is room everything goes on by itself.
func TestFullDiskHeals(t *testing.T) {
	t.Parallel()
	t.Run("tmpfs", func(t *testing.T) { fullDiskHeals(t, disktest.Mount(t, "size=192m,mode=0700")) })
	if os.Getenv("PSE_LONG") != "" {
		t.Run("ext4", func(t *testing.T) {
			fullDiskHeals(t, disktest.Loop(t, 192))
		})
	}
}

func fullDiskHeals(t *testing.T, data string) {
	s := start(t, process.PSEOptions{Name: "full", Data: data, Demo: true, Set: []string{"bus.hls_bytes=67108864", "edge.dvr=30s", "bus.dvr=30s"}})
	ready := func() (readiness, int) { return readyz(t, s) }
	last := regexp.MustCompile(`(?m)^(\d+)\.m4s$`)
	newest := func() (int, error) {
		list, err := get("http://"+s.HTTP+"/hls/demo/source/index.m3u8", 200)
		if err != nil {
			return 0, err
		}
		all := last.FindAllStringSubmatch(list, -1)
		if len(all) == 0 {
			return 0, errors.New("nothing is listed")
		}
		return strconv.Atoi(all[len(all)-1][1])
	}
	goesOn := func() {
		t.Helper()
		at := 0
		eventually(t, func() (err error) { at, err = newest(); return err })
		eventually(t, func() error {
			if now, err := newest(); err != nil || now < at+2 {
				return fmt.Errorf("it lists %d after %d, %v", now, at, err)
			}
			return nil
		})
	}
	goesOn()
	rounds, long := 1, 6*time.Second
	if os.Getenv("PSE_LONG") != "" {
		rounds, long = 3, 15*time.Second
	}
	for round := range rounds {
		files := "http://" + s.HTTP + "/files/"
		tus(t, http.MethodPost, files, nil, http.StatusInsufficientStorage, "Upload-Length", strconv.Itoa(1<<30))
		mine := tus(t, http.MethodPost, files, nil, http.StatusCreated, "Upload-Length", "1000").Get("Location")

		ballast := filepath.Join(data, "ballast")
		f, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		fill := func() {
			for block := 1 << 20; block >= 512; {
				if _, err := f.Write(make([]byte, block)); err != nil {
					block /= 2
				}
			}
		}
		full := time.Now()
		for time.Since(full) < long { // also what the logs give back
			fill()
			sleep.For(t.Context(), 200*time.Millisecond)
		}
		r, status := ready()
		if status != http.StatusServiceUnavailable || r.Workers["ingest"].Ready || r.Degraded["disk of files"] == "" || r.Degraded["disk of bus"] == "" {
			t.Errorf("round %d: /readyz says %d, %+v", round, status, r)
		}
		if why := r.Workers["ingest"].Why; !strings.Contains(why, "nearly full") {
			t.Errorf("round %d: ingest is not ready, as %q", round, why)
		}
		if metrics, err := get("http://"+s.Admin+"/metrics", 200); err != nil || !strings.Contains(metrics, `pse_disk_free_bytes{of="bus"} `) {
			t.Errorf("round %d: %v: no free space in the metrics", round, err)
		}
		if _, err := get("http://"+s.HTTP+"/api/streams", 200); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		tus(t, http.MethodPost, files, nil, http.StatusInsufficientStorage, "Upload-Length", "1")
		tus(t, http.MethodDelete, mine, nil, http.StatusNoContent)
		f.Close()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		room := time.Now()
		eventually(t, func() error {
			if r, status := ready(); status != 200 || len(r.Degraded) > 0 {
				return fmt.Errorf("%d: %+v", status, r)
			}
			return nil
		})
		green := time.Since(room)
		goesOn()
		t.Logf("round %d: %v until ready, %v until two more segments were listed", round, green.Round(time.Millisecond), time.Since(room).Round(time.Millisecond))
	}
}

// readyz is what a program says of itself, and with which status.
func readyz(t *testing.T, s *process.PSE) (r readiness, status int) {
	t.Helper()
	a, err := http.Get("http://" + s.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if err := json.NewDecoder(a.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r, a.StatusCode
}

// A disk that fails under a stream, which Linux then mounts read-only: an owner is
// told what it is and what to do, and nothing more is taken.
func TestFailedDiskIsSaid(t *testing.T) {
	t.Parallel()
	data := disktest.Loop(t, 192)
	s := start(t, process.PSEOptions{Name: "failed", Data: data, Demo: true, Set: []string{"bus.hls_bytes=67108864", "edge.dvr=30s", "bus.dvr=30s"}})
	eventually(t, func() error {
		_, err := get("http://"+s.HTTP+"/hls/demo/source/index.m3u8", 200)
		return err
	})
	disktest.Abort(t, data)
	eventually(t, func() error {
		r, status := readyz(t, s)
		if status != http.StatusServiceUnavailable || !strings.Contains(r.Workers["bus"].Why, "read-only file system") {
			return fmt.Errorf("/readyz says %d, %+v", status, r)
		}
		return nil
	})
	tus(t, http.MethodPost, "http://"+s.HTTP+"/files/", nil, http.StatusInsufficientStorage, "Upload-Length", "1000")
	if out, err := exec.Command("ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=20",
		"-c:v", "libx264", "-f", "flv", "rtmp://"+s.RTMP+"/live/late").CombinedOutput(); err == nil {
		t.Errorf("a publisher is taken: %s", out)
	} else {
		t.Logf("%s", out)
	}
}
