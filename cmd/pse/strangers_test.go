package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/camera/cameratest"
	"github.com/helios-h2020/pse/internal/process"
)

// A besieged is the program, all its listeners at known addresses.
type besieged struct {
	*testing.T
	*process.PSE
	doors map[string]string
	files int // sent so far
}

// besiege starts it with so many descriptors.
func besiege(t *testing.T, files int, set ...string) *besieged {
	t.Helper()
	b := &besieged{T: t, doors: map[string]string{}}
	for _, name := range []string{"HTTPS", "TURN", "TURN over TLS", "bus"} {
		b.doors[name] = freeAddr(t)
	}
	b.PSE = start(t, process.PSEOptions{Name: "besieged", Files: files, Set: append([]string{
		"http.tls_listen=" + b.doors["HTTPS"], "turn.listen=" + b.doors["TURN"], "turn.tls_listen=" + b.doors["TURN over TLS"],
		"bus.listen=" + b.doors["bus"], "log.level=warn",
	}, set...)})
	b.doors["HTTP"], b.doors["RTMP"], b.doors["admin"] = b.HTTP, b.RTMP, b.Admin
	return b
}

// A crowd are clients that hold a socket each and say nothing, or half of
// something; one that is thrown out connects again.
type crowd struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex // guards open
	open map[net.Conn]bool
}

// strangers come to a door, n of them, each from an address of its own.
func (b *besieged) strangers(c *crowd, n int, door string, says string) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := c.cancel
	c.cancel = func() { stop(); cancel() }
	for i := range n {
		c.wg.Go(func() {
			from := netip.AddrFrom4([4]byte{127, 100, byte(i >> 8), byte(i)})
			d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 5 * time.Second}
			for ctx.Err() == nil {
				conn, err := d.DialContext(ctx, "tcp4", b.doors[door])
				if err != nil {
					continue
				}
				_, _ = io.WriteString(conn, says)
				c.mu.Lock()
				c.open[conn] = true
				c.mu.Unlock()
				stop := context.AfterFunc(ctx, func() { conn.Close() })
				_, _ = io.Copy(io.Discard, conn) // until it is over
				stop()
				conn.Close()
				c.mu.Lock()
				delete(c.open, conn)
				c.mu.Unlock()
				select {
				case <-ctx.Done():
				case <-time.After(5 * time.Second):
				}
			}
		})
	}
}

// letGo has all go home.
func (c *crowd) letGo() {
	c.cancel()
	c.wg.Wait()
}

func (c *crowd) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// serves says why somebody new is not served: a page, a file, the relay, admin.
func (b *besieged) serves() error {
	alone := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for _, at := range []string{"http://" + b.HTTP + "/", "https://" + b.doors["HTTPS"] + "/api/streams", "http://" + b.Admin + "/readyz"} {
		r, err := alone.Get(at)
		if err != nil {
			return err
		}
		body, _ := io.ReadAll(r.Body)
		if r.Body.Close(); r.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s: %s", at, r.Status, body)
		}
	}
	b.files++
	text := fmt.Sprintf("file %d", b.files)
	up, err := http.NewRequest(http.MethodPost, "http://"+b.HTTP+"/files/", strings.NewReader(text))
	if err != nil {
		return err
	}
	for k, v := range map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": strconv.Itoa(len(text)), "Content-Type": "application/offset+octet-stream"} {
		up.Header.Set(k, v)
	}
	r, err := alone.Do(up)
	if err != nil {
		return err
	}
	r.Body.Close()
	if r.StatusCode != http.StatusCreated || r.Header.Get("Upload-Offset") != strconv.Itoa(len(text)) {
		return fmt.Errorf("upload: %s, offset %q", r.Status, r.Header.Get("Upload-Offset"))
	}
	out, err := pse(b.T, "turn", "test", "turn:"+b.doors["TURN"]+"?transport=tcp")
	if err != nil {
		return fmt.Errorf("relay: %w: %s", err, out)
	}
	return nil
}

// plays publishes a stream until stop, coming back when cut off as any encoder
// does, and waits until it can be watched.
func (b *besieged) plays(name string) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o := camera.Options{URL: "rtmp://" + b.RTMP + "/live/" + name, Width: 320, Height: 180, FPS: 10, GOP: 10}
		cameratest.Keep(ctx, o, 300*time.Millisecond, func(err error) { b.Logf("camera: %v", err) })
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	b.Cleanup(stop)
	b.watched(name)
	return stop
}

// watched waits until a stream can be watched.
func (b *besieged) watched(name string) {
	b.Helper()
	eventually(b.T, func() error { _, err := get("http://"+b.HTTP+"/hls/"+name+"/source/index.m3u8", 200); return err })
}

// descriptors are how many the process has open.
func (b *besieged) descriptors() int {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", b.PID()))
	if err != nil {
		b.Fatal(err)
	}
	return len(all)
}

// figures are for the report.
func (b *besieged) figures(when string, held int) {
	var metrics string
	eventually(b.T, func() (err error) { metrics, err = get("http://"+b.Admin+"/metrics", 200); return err })
	counted := regexp.MustCompile(`(?m)^(pse_(?:http|ingest|turn)_connections|pse_bus_clients|pse_(?:http|ingest)_rejected_connections_total) .*`).FindAllString(metrics, -1)
	slices.Sort(counted)
	b.Logf("%-28s strangers hold %5d sockets, the process %5d descriptors, %4d MB resident; %s", when, held, b.descriptors(), b.RSS()>>20, strings.Join(counted, ", "))
}

// Strangers hold sockets on each listener: others are served, and when they let go all
// is as before. PSE_LONG=1 has a thousand on each.
func TestStrangersHoldSockets(t *testing.T) {
	n, files, set := 60, 1024, []string{"http.trusted_proxies=[]", "http.max_connections=100", "ingest.max_connections=50"} // fewer places than strangers
	if os.Getenv("PSE_LONG") != "" {
		n, files, set = 1000, 20_000, set[:1]
	}
	b := besiege(t, files, set...)
	stop := b.plays("before")
	if err := b.serves(); err != nil {
		t.Fatal(err)
	}
	before := b.descriptors()
	b.figures("before", 0)
	stop()

	c := &crowd{cancel: func() {}, open: map[net.Conn]bool{}}
	defer c.letGo()
	for door, says := range map[string]string{
		"HTTP":  "POST /share HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
		"HTTPS": "", "RTMP": "\x03", "TURN": "", "TURN over TLS": "\x16\x03\x01", "admin": "GET /met", "bus": "",
	} {
		b.strangers(c, n, door, says)
	}
	eventually(t, func() error {
		if held := c.len(); held < 3*n {
			return fmt.Errorf("strangers hold %d sockets", held)
		}
		return nil
	})
	b.figures("strangers came", c.len())
	eventually(t, b.serves) // a place is free when somebody was silent for long enough
	stop = b.plays("meanwhile")
	eventually(t, b.serves)
	b.figures("others were served", c.len())
	stop()
	c.letGo()

	eventually(t, b.serves)
	b.plays("after")
	eventually(t, func() error {
		if now := b.descriptors(); now > before+30 { // logs and streams that are kept for a while
			return fmt.Errorf("%d descriptors are open, %d were before", now, before)
		}
		return nil
	})
	b.figures("strangers went", 0)
}

// All descriptors are used up for a moment: readyz says that nothing can be
// stored, and when there are some again all works without a restart.
func TestDescriptorsUsedUp(t *testing.T) {
	b := besiege(t, 1024)
	b.plays("before")
	if err := b.serves(); err != nil {
		t.Fatal(err)
	}
	kept := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxConnsPerHost: 1}} // its connection is there already
	ready := func() (int, string, error) {
		r, err := kept.Get("http://" + b.Admin + "/readyz")
		if err != nil {
			return 0, "", err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		return r.StatusCode, string(body), err
	}
	if status, body, err := ready(); status != http.StatusOK {
		t.Fatalf("%d, %s, %v", status, body, err)
	}
	var was unix.Rlimit
	none := unix.Rlimit{Cur: 3, Max: 1024}
	if err := unix.Prlimit(b.PID(), unix.RLIMIT_NOFILE, &none, &was); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		status, body, err := ready()
		if err == nil && (status != http.StatusServiceUnavailable || !strings.Contains(body, "too many open files")) {
			err = errors.New("it says it is ready: " + body)
		}
		return err
	})
	if err := unix.Prlimit(b.PID(), unix.RLIMIT_NOFILE, &was, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		status, body, err := ready()
		if err == nil && status != http.StatusOK {
			err = errors.New(body)
		}
		return err
	})
	eventually(t, b.serves)
	b.plays("after")
	b.watched("before")
}
