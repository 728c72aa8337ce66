package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/camera/cameratest"
	"github.com/helios-h2020/pse/internal/process"
)

// A world is PSE as processes of their own over TCP, each started anew at once
// when it dies, as systemd does.
type world struct {
	t    *testing.T
	bus  string // its address
	http string
	rtmp string
	bin  string // the program that is started; empty: the one of this source

	units map[string]*minded
}

// newWorld starts a bus, an ingest, two transcoders and an edge.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := bareWorld(t)
	w.rtmp, w.http = freeAddr(t), freeAddr(t)
	w.start(
		process.PSEOptions{Name: "ingest", Bus: w.bus, RTMP: w.rtmp, Workers: []string{"ingest"}},
		process.PSEOptions{Name: "transcode-a", Bus: w.bus, Workers: []string{"transcode"}},
		process.PSEOptions{Name: "transcode-b", Bus: w.bus, Workers: []string{"transcode"}},
		process.PSEOptions{Name: "edge", Bus: w.bus, HTTP: w.http, Workers: []string{"edge"}},
	)
	return w
}

// bareWorld starts a bus alone.
func bareWorld(t *testing.T) *world { return bareWorldOf(t, "") }

// bareWorldOf is one of another program than this source's.
func bareWorldOf(t *testing.T, bin string) *world {
	t.Helper()
	w := &world{t: t, bin: bin, units: map[string]*minded{}}
	data := t.TempDir()
	w.start(process.PSEOptions{Name: "bus", Data: data, Workers: []string{"bus"}, Set: []string{"bus.listen=" + freeAddr(t)}})
	var err error
	if w.bus, err = process.BusURL(data); err != nil {
		t.Fatal(err)
	}
	return w
}

func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// A minded is one process and what starts it anew.
type minded struct {
	o    process.PSEOptions
	done chan struct{}

	mu      sync.Mutex // guards the two below
	p       *process.PSE
	stopped bool
}

// start starts processes, all at the same time.
func (w *world) start(all ...process.PSEOptions) {
	w.t.Helper()
	ctx := context.Background() // Stop ends them, after the test's own context
	started, errs := make([]*process.PSE, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	for i := range all {
		o := &all[i]
		if o.Bin, o.CPU = w.bin, -1; o.Bin == "" {
			o.Bin = binary(w.t)
		}
		o.Set = append(o.Set, "log.format=console")
		if o.Data == "" {
			o.Data = w.t.TempDir()
		}
		o.Admin = freeAddr(w.t)
		wg.Go(func() { started[i], errs[i] = process.StartPSE(ctx, *o) })
	}
	wg.Wait()
	for i, o := range all {
		if errs[i] == nil {
			w.mind(ctx, o, started[i])
		}
	}
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
}

// mind starts a process anew whenever it ends, until the test does.
func (w *world) mind(ctx context.Context, o process.PSEOptions, p *process.PSE) {
	u := &minded{o: o, p: p, done: make(chan struct{})}
	w.units[o.Name] = u
	go u.mind(ctx)
	w.t.Cleanup(func() {
		u.stop()
		if w.t.Failed() {
			w.keep(o.Name, filepath.Join(o.Data, o.Name+".log"))
		}
	})
}

// keep saves the log of a process of a test that failed.
func (w *world) keep(name, file string) {
	b, err := os.ReadFile(file)
	if err == nil {
		file = artifact(w.t, name+".log")
		err = os.WriteFile(file, b, 0o644)
	}
	w.t.Logf("%s: see %s (%v)", name, file, err)
}

// artifact is the path of a file to look at after a test.
func artifact(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("PSE_ARTIFACTS")
	if dir == "" {
		dir = "../../artifacts"
	}
	dir = filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// mind starts the process anew whenever it ends.
func (u *minded) mind(ctx context.Context) {
	defer close(u.done)
	for {
		u.mu.Lock()
		p := u.p
		u.mu.Unlock()
		<-p.Done()
		for {
			u.mu.Lock()
			if u.stopped {
				u.mu.Unlock()
				return
			}
			fresh, err := process.LaunchPSE(ctx, u.o)
			if err == nil {
				u.p = fresh
			}
			u.mu.Unlock()
			if err == nil {
				break
			}
		}
	}
}

func (u *minded) stop() {
	u.mu.Lock()
	u.stopped = true
	p := u.p
	u.mu.Unlock()
	p.Stop()
	<-u.done
}

// next has the process be another program when it is started anew.
func (u *minded) next(bin string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.o.Bin = bin
}

func (u *minded) process() *process.PSE {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.p
}

// kill ends a process with SIGKILL.
func (w *world) kill(name string) {
	p := w.units[name].process()
	w.t.Logf("SIGKILL to %s, process %d", name, p.PID())
	p.Kill()
}

// encoder is the transcoder that encodes now, and its ffmpeg.
func (w *world) encoder() (name string, ffmpeg int, err error) {
	for _, name := range []string{"transcode-a", "transcode-b"} {
		for _, c := range w.units[name].process().Children() {
			if strings.HasSuffix(c.Args[0], "ffmpeg") && slices.Contains(c.Args, "libx264") {
				return name, c.PID, nil
			}
		}
	}
	return "", 0, errors.New("no transcoder encodes")
}

// killEncoder kills the transcoder that encodes, whose ffmpeg must go with it;
// killFFmpeg only its ffmpeg.
func (w *world) killEncoder() {
	var name string
	var ffmpeg int
	eventually(w.t, func() (err error) {
		name, ffmpeg, err = w.encoder()
		return err
	})
	w.kill(name)
	eventually(w.t, func() error {
		if syscall.Kill(ffmpeg, 0) == nil {
			return fmt.Errorf("ffmpeg %d outlives its transcoder", ffmpeg)
		}
		return nil
	})
}

func (w *world) killFFmpeg() {
	eventually(w.t, func() error {
		name, pid, err := w.encoder()
		if err != nil {
			return err
		}
		w.t.Logf("SIGKILL to the ffmpeg of %s, process %d", name, pid)
		return syscall.Kill(pid, syscall.SIGKILL)
	})
}

// film publishes the camera until the test ends, and comes back when cut off.
func (w *world) film(name string, o camera.Options) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	o.URL = "rtmp://" + w.rtmp + "/live/" + name
	go func() {
		defer close(done)
		cameratest.Keep(ctx, o, 300*time.Millisecond, func(err error) { w.t.Logf("camera: %v", err) })
	}()
	w.t.Cleanup(func() {
		cancel()
		<-done
	})
}
