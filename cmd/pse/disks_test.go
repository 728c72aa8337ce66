package main

import (
	"context"
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
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/disk/disktest"
	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/sleep"
)

// A disk that others fill to the last byte under two streams, a call and an upload, in
// the long run three times and for longer: an owner is told, what does not fit is refused,
// files can be deleted meanwhile, and when there is room everything goes on by itself.
// Then uploads alone fill what they may, and no stream notices.
func TestFullDiskHeals(t *testing.T) {
	t.Parallel()
	t.Run("tmpfs", func(t *testing.T) { fullDiskHeals(t, disktest.Mount(t, "size=192m,mode=0700")) })
	if os.Getenv("PSE_LONG") != "" {
		t.Run("ext4", func(t *testing.T) {
			fullDiskHeals(t, disktest.Loop(t, 192))
		})
	}
}

// A fullDisk is a box whose disk is filled.
type fullDisk struct {
	*process.PSE
	t      *testing.T
	data   string
	chrome *browser.Browser
}

func fullDiskHeals(t *testing.T, data string) {
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	s := &fullDisk{t: t, data: data, chrome: chrome, PSE: start(t, process.PSEOptions{
		Name: "full", Data: data, Demo: true, Set: []string{"bus.hls_bytes=67108864", "edge.dvr=30s", "bus.dvr=30s"},
	})}
	publish(t, "rtmp://"+s.RTMP+"/live/second")
	s.goesOn()
	rounds, long := 1, 6*time.Second
	if os.Getenv("PSE_LONG") != "" {
		rounds, long = 3, 15*time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	full, healed := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { talksOn(ctx, t, []string{s.HTTP, s.HTTP}, full) })
	beside.Go(func() {
		if err := newRestartSender([]string{s.HTTP}, time.Duration(rounds)*long, restartSeed(t)).run(ctx); err != nil {
			t.Errorf("an upload: %v", err)
		}
	})
	for round := range rounds {
		s.filledByOthers(round, long)
	}
	healed()
	beside.Wait()
	s.filledByUploads(rounds)
}

// newest is the last whole segment of a stream, and how many discontinuities it had.
func (s *fullDisk) newest(name string) (msn, discontinuities int, err error) {
	list, err := get("http://"+s.HTTP+"/hls/"+name+"/source/index.m3u8", 200)
	if err != nil {
		return 0, 0, err
	}
	if m := regexp.MustCompile(`#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)`).FindStringSubmatch(list); m != nil {
		discontinuities, _ = strconv.Atoi(m[1])
	}
	all := regexp.MustCompile(`(?m)^(\d+)\.m4s$`).FindAllStringSubmatch(list, -1)
	if len(all) == 0 {
		return 0, 0, errors.New("nothing is listed")
	}
	msn, err = strconv.Atoi(all[len(all)-1][1])
	return msn, discontinuities + strings.Count(list, "#EXT-X-DISCONTINUITY\n"), err
}

// goesOn waits until both streams have two segments more; it gives the most
// discontinuities that one of them had.
func (s *fullDisk) goesOn() (discontinuities int) {
	s.t.Helper()
	for _, name := range []string{"demo", "second"} {
		at := 0
		eventually(s.t, func() (err error) { at, _, err = s.newest(name); return err })
		eventually(s.t, func() error {
			now, n, err := s.newest(name)
			if err != nil || now < at+2 {
				return fmt.Errorf("it lists %d after %d, %v", now, at, err)
			}
			discontinuities = max(discontinuities, n)
			return nil
		})
	}
	return discontinuities
}

// filledByOthers has another program use the disk up, to the last byte and for so long.
func (s *fullDisk) filledByOthers(round int, long time.Duration) {
	t, files := s.t, "http://"+s.HTTP+"/files/"
	tus(t, http.MethodPost, files, nil, http.StatusInsufficientStorage, "Upload-Length", strconv.Itoa(1<<30))
	mine := "http://" + s.HTTP + tus(t, http.MethodPost, files, nil, http.StatusCreated, "Upload-Length", "1000").Get("Location")

	ballast := filepath.Join(s.data, "ballast")
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
	r, status := readyz(t, s.PSE)
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
	if page, err := s.chrome.Open("http://"+s.HTTP+"/", 390, 800); err != nil {
		t.Error(err)
	} else {
		if err := page.Wait(`!document.getElementById('full').hidden`, time.Minute); err != nil {
			t.Errorf("round %d: the first page does not say it: %v", round, err)
		}
		page.Close()
	}
	tus(t, http.MethodPost, files, nil, http.StatusInsufficientStorage, "Upload-Length", "1")
	tus(t, http.MethodDelete, mine, nil, http.StatusNoContent)
	f.Close()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	room := time.Now()
	eventually(t, func() error {
		r, status := readyz(t, s.PSE)
		delete(r.Degraded, "bus") // its parts log is small, and full after a while
		if status != 200 || len(r.Degraded) > 0 {
			return fmt.Errorf("%d: %+v", status, r)
		}
		return nil
	})
	green := time.Since(room)
	discontinuities := s.goesOn()
	t.Logf("round %d: %v until ready, %v until each stream had two more segments, %d discontinuities until now", round, green.Round(time.Millisecond), time.Since(room).Round(time.Millisecond), discontinuities)
	if discontinuities > round+1 {
		t.Errorf("round %d: %d discontinuities", round, discontinuities)
	}
}

// filledByUploads has senders use up what they may: streams, and members of a call,
// go on as if nothing were.
func (s *fullDisk) filledByUploads(before int) {
	t, files := s.t, "http://"+s.HTTP+"/files/"
	body := make([]byte, 4<<20)
	var mine []string
	for {
		r := askTus(t, http.MethodPost, files, body, "Upload-Length", strconv.Itoa(len(body)), "Content-Type", "application/offset+octet-stream")
		r.Body.Close()
		if at := r.Header.Get("Location"); at != "" {
			mine = append(mine, "http://"+s.HTTP+at)
		}
		if r.StatusCode == http.StatusInsufficientStorage {
			break
		}
		if r.StatusCode != http.StatusCreated || len(mine) > 100 {
			t.Fatalf("file %d: %s", len(mine), r.Status)
		}
	}
	if r, status := readyz(t, s.PSE); status != 200 || r.Degraded["disk of bus"] != "" {
		t.Errorf("/readyz says %d, %+v", status, r)
	}
	if n := s.goesOn(); n > before {
		t.Errorf("%d discontinuities, and %d before", n, before)
	}
	for _, at := range mine {
		tus(t, http.MethodDelete, at, nil, http.StatusNoContent)
	}
	t.Logf("%d files of 4 MiB were taken", len(mine))
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

// An ingest of another process takes no publisher for a bus whose disk is full.
func TestIngestElsewhereHearsOfAFullDisk(t *testing.T) {
	t.Parallel()
	data := disktest.Mount(t, "size=64m,mode=0700")
	start(t, process.PSEOptions{Name: "bus", Data: data, Workers: []string{"bus"}, Set: []string{"bus.listen=" + freeAddr(t)}})
	at, err := process.BusURL(data)
	if err != nil {
		t.Fatal(err)
	}
	ingest := start(t, process.PSEOptions{Name: "ingest", Bus: at, Workers: []string{"ingest"}})
	why := func() string {
		r, _ := readyz(t, ingest)
		return r.Workers["ingest"].Why
	}
	eventually(t, func() error { return answers(ingest) })
	ballast := filepath.Join(data, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 62<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if said := why(); !strings.Contains(said, "nearly full") {
			return fmt.Errorf("it says %q", said)
		}
		return nil
	})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return answers(ingest) })
}
