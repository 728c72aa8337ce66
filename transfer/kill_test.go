package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/storetest"
)

// The worker is killed again and again while many send and many receive what
// is being sent. What it acknowledged is there, what says complete is what was
// sent, each is told of once, and nothing is held in the end.
func TestKilledWorkerLosesNothing(t *testing.T) {
	t.Parallel()
	t.Run("folder", func(t *testing.T) { testKilledWorker(t, 3<<20) })
	t.Run("bucket", func(t *testing.T) { testKilledWorker(t, 3*storetest.PartSize, settings(storetest.StartS3(t))...) })
}

func testKilledWorker(t *testing.T, largest int, settings ...string) {
	kills, senders := 6, 6
	if os.Getenv("PSE_LONG") != "" {
		kills, senders = 200, 20
	}
	o := splitWorker(t, append(settings, "transfer.sync=never", "http.tls_listen=off"))
	p, err := process.StartPSE(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.Stop() }()

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	c := &crowd{t: t, ctx: ctx, root: "http://" + o.HTTP + filesRoot, largest: largest, sent: map[string][]byte{}}
	stop := make(chan struct{})
	for i := range senders {
		c.wg.Go(func() { c.sendUntil(stop, uint64(i)) })
	}
	for range kills {
		if err := process.WaitTCP(ctx, o.HTTP); err != nil {
			t.Fatal(err)
		}
		if !sleep.For(ctx, time.Duration(20+rand.IntN(800))*time.Millisecond) {
			t.Fatal("it takes too long")
		}
		p.Kill()
		if p, err = process.LaunchPSE(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	c.wg.Wait()
	if t.Failed() {
		t.Logf("the worker said: %s", p.Said())
		return
	}
	t.Logf("%d kills, %d files sent, %d times resumed, %d downloads resumed", kills, len(c.sent), c.resumed, c.again)
	if len(c.sent) == 0 {
		t.Fatal("nothing was sent: the test tests nothing")
	}

	b, err := bus.Connect(ctx, bus.Options{URL: o.Bus, Name: "test"}, bustest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c.checkFacts(b)
	c.checkLeases(b)
}

// splitWorker starts a program with a bus, and says how to start one with a worker of
// files on it.
func splitWorker(t *testing.T, set []string) process.PSEOptions {
	t.Helper()
	dir := t.TempDir()
	bin, err := process.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	server, err := process.StartPSE(t.Context(), process.PSEOptions{Bin: bin, Data: filepath.Join(dir, "bus"), Name: "bus", Workers: []string{"bus"}, CPU: -1, Set: []string{"bus.listen=127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	url, err := process.BusURL(filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return process.PSEOptions{
		Bin: bin, Data: filepath.Join(dir, "transfer"), Name: "transfer", Bus: url, HTTP: fmt.Sprintf("127.0.0.1:%d", port), CPU: -1,
		Workers: []string{"transfer"}, Set: set,
	}
}

// settings have a program keep files in a server's bucket.
func settings(s *storetest.S3) []string {
	c := s.Config
	var all []string
	for name, value := range map[string]any{"bucket": c.Bucket, "endpoint": c.Endpoint, "prefix": c.Prefix, "path_style": c.PathStyle, "credentials_file": c.CredentialsFile, "part_size": c.PartSize} {
		all = append(all, fmt.Sprintf("transfer.s3.%s=%v", name, value))
	}
	return all
}

// crowd sends and receives.
type crowd struct {
	t       *testing.T
	ctx     context.Context
	root    string
	largest int // file, in bytes
	wg      sync.WaitGroup

	mu             sync.Mutex // guards what follows
	sent           map[string][]byte
	resumed, again int
}

// sendUntil sends file after file.
func (c *crowd) sendUntil(stop chan struct{}, seed uint64) {
	for n := uint64(0); ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		seed := seed<<32 + n
		body := random(seed, rand.IntN(c.largest))
		if err := c.send(body); err != nil {
			c.t.Error(err)
			return
		}
	}
}

// send sends one file, as a phone does: in chunks, and after trouble on from
// where the server says. Somebody receives it meanwhile.
func (c *crowd) send(body []byte) error {
	var write, read string
	for write == "" {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		a, err := ask(c.ctx, "POST", c.root, nil, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(body)))
		if err == nil && a.StatusCode == http.StatusCreated {
			write, read = strings.TrimSuffix(c.root, filesRoot)+a.Header.Get("Location"), a.Header.Get("Upload-Read-Link")
		} else {
			sleep.For(c.ctx, 10*time.Millisecond)
		}
	}
	received := make(chan error, 1)
	go func() { received <- c.receive(read, body) }()
	acked := 0
	for acked < len(body) {
		chunk := body[acked:min(len(body), acked+1+rand.IntN(1<<20))]
		a, err := ask(c.ctx, "PATCH", write, &slow{r: bytes.NewReader(chunk)}, "Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(acked), "Content-Type", "application/offset+octet-stream")
		if err == nil && a.StatusCode == http.StatusNoContent {
			if acked, err = strconv.Atoi(a.Header.Get("Upload-Offset")); err != nil {
				return err
			}
			continue
		}
		at, err := c.head(write)
		if err != nil {
			return err
		}
		if at < acked {
			return fmt.Errorf("%s: %d bytes were acknowledged, now there are %d", write, acked, at)
		}
		acked = at
		c.mu.Lock()
		c.resumed++
		c.mu.Unlock()
	}
	if err := <-received; err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, id, _ := strings.Cut(write, filesRoot)
	c.sent[id[:store.TokenSize]] = body
	return nil
}

// head asks where to go on, until somebody answers.
func (c *crowd) head(url string) (int, error) {
	for {
		a, err := ask(c.ctx, "HEAD", url, nil, "Tus-Resumable", "1.0.0")
		switch {
		case c.ctx.Err() != nil:
			return 0, c.ctx.Err()
		case err == nil && a.StatusCode == http.StatusOK:
			return strconv.Atoi(a.Header.Get("Upload-Offset"))
		case err == nil && a.StatusCode == http.StatusNotFound && a.Header.Get("Cache-Control") != "":
			return 0, fmt.Errorf("%s is gone", url)
		}
		sleep.For(c.ctx, 10*time.Millisecond)
	}
}

// receive gets a file while it is sent, and goes on where it was cut off.
func (c *crowd) receive(url string, want []byte) error {
	at := 0
	for at < len(want) {
		if c.ctx.Err() != nil {
			return fmt.Errorf("%s: received %d of %d bytes: %w", url, at, len(want), c.ctx.Err())
		}
		n, err := c.receiveFrom(url, at, want)
		if at += n; errors.Is(err, errWrongBytes) {
			return fmt.Errorf("%s at %d: %w", url, at, err)
		}
		c.mu.Lock()
		c.again++
		c.mu.Unlock()
		sleep.For(c.ctx, 10*time.Millisecond)
	}
	return nil
}

var errWrongBytes = errors.New("these are not the bytes that were sent")

func (c *crowd) receiveFrom(url string, at int, want []byte) (n int, err error) {
	q, err := http.NewRequestWithContext(c.ctx, "GET", url, nil)
	if err != nil {
		return 0, err
	}
	if at > 0 {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	switch {
	case a.StatusCode >= 400:
		return 0, fmt.Errorf("status %s", a.Status)
	case at > 0 && a.StatusCode != http.StatusPartialContent:
		return 0, errWrongBytes
	}
	buf := make([]byte, 64<<10)
	for {
		m, err := a.Body.Read(buf)
		if at+n+m > len(want) || !bytes.Equal(buf[:m], want[at+n:at+n+m]) {
			return n, errWrongBytes
		}
		if n += m; err != nil {
			return n, err
		}
	}
}

// checkLeases waits until no lease of what was sent is held.
func (c *crowd) checkLeases(b *bus.Bus) {
	leases, err := b.Leases(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	defer leases.Close()
	bustest.Eventually(c.t, "no lease stays", func() bool {
		for name := range c.sent {
			if _, _, held := leases.Holder(leaseKey(name)); held {
				return false
			}
		}
		return true
	})
}

// checkFacts waits until each file is told of, and sees that it is once and right.
func (c *crowd) checkFacts(b *bus.Bus) {
	ctx, cancel := context.WithTimeout(c.ctx, 2*bustest.Patience)
	defer cancel()
	told := map[string]int{}
	missing := len(c.sent)
	all := make(chan struct{})
	go func() {
		defer close(all)
		_ = bus.Replay(ctx, b, time.Time{}, func(ev bus.UploadCompleted) error {
			body, ok := c.sent[ev.Upload]
			if ok && (ev.SHA256 != hashOf(body) || ev.Size != int64(len(body))) {
				c.t.Errorf("%s is told of with another hash or size: %+v", ev.Upload, ev)
			}
			if told[ev.Upload]++; ok && told[ev.Upload] == 1 {
				missing--
			}
			if missing == 0 {
				cancel()
			}
			return nil
		})
	}()
	<-all
	if missing > 0 {
		c.t.Errorf("%d of %d files are not told of", missing, len(c.sent))
	}
	for name, n := range told {
		if n > 1 {
			c.t.Errorf("%s is told of %d times", name, n)
		}
	}
}

// slow gives its bytes in pieces, so that a request lasts.
type slow struct{ r io.Reader }

// Read implements io.Reader.
func (s *slow) Read(b []byte) (int, error) {
	sleep.For(context.Background(), time.Millisecond)
	return s.r.Read(b[:min(len(b), 32<<10)])
}
