package transfer

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
)

// The worker is killed again and again while fifty send small files, whose syncs are shared.
// Each file that was acknowledged is there, whole and told of once.
func TestKilledWorkerLosesNoSmallFile(t *testing.T) {
	t.Parallel()
	kills, senders := 3, 50
	if os.Getenv("PSE_LONG") != "" {
		kills = 20
	}
	o := splitWorker(t, []string{"transfer.sync=complete", "http.tls_listen=off"})
	p, err := process.StartPSE(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.Stop() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	c := &crowd{t: t, ctx: ctx, root: "http://" + o.HTTP + filesRoot, sent: map[string][]byte{}}
	stop := make(chan struct{})
	links := make(chan string, 1<<16)
	for i := range senders {
		c.wg.Go(func() { c.sendSmallUntil(stop, uint64(i), links) })
	}
	for kill := range kills {
		if err := process.WaitTCP(ctx, o.HTTP); err != nil {
			t.Fatal(err)
		}
		for have := 0; have < 40*(kill+1); have = c.count() { // some came meanwhile
			if !sleep.For(ctx, 5*time.Millisecond) {
				t.Fatal("it takes too long")
			}
		}
		sleep.For(ctx, time.Duration(rand.IntN(300))*time.Millisecond)
		p.Kill()
		if p, err = process.LaunchPSE(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	c.wg.Wait()
	close(links)
	t.Logf("%d kills, %d files acknowledged, %d not", kills, len(c.sent), c.again)
	if len(c.sent) == 0 {
		t.Fatal("nothing was sent: the test tests nothing")
	}
	for link := range links {
		a, err := ask(ctx, "GET", link, nil)
		for err != nil || a.StatusCode == http.StatusServiceUnavailable { // it starts
			if !sleep.For(ctx, 10*time.Millisecond) {
				t.Fatal(err)
			}
			a, err = ask(ctx, "GET", link, nil)
		}
		_, id, _ := strings.Cut(link, filesRoot)
		if want := c.sent[id[:store.TokenSize]]; a.StatusCode != http.StatusOK || !bytes.Equal(a.body, want) {
			t.Errorf("%s was acknowledged; it is %s, with %d bytes of %d", link, a.Status, len(a.body), len(want))
		}
	}
	b, err := bus.Connect(ctx, bus.Options{URL: o.Bus, Name: "test"}, bustest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c.checkFacts(b)
	c.checkLeases(b)
}

// count is how many files were acknowledged.
func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sent)
}

// sendSmallUntil sends small files, each once: what is not acknowledged is another's.
func (c *crowd) sendSmallUntil(stop chan struct{}, seed uint64, links chan string) {
	for n := uint64(0); c.ctx.Err() == nil; n++ {
		select {
		case <-stop:
			return
		default:
		}
		body := random(seed<<32+n, 1+rand.IntN(2000))
		write, read, err := c.sendSmall(body)
		c.mu.Lock()
		if err != nil {
			c.again++
		} else {
			_, id, _ := strings.Cut(write, filesRoot)
			c.sent[id[:store.TokenSize]] = body
			links <- read
		}
		c.mu.Unlock()
		if err != nil {
			sleep.For(c.ctx, 10*time.Millisecond)
		}
	}
}

// sendSmall sends a file, in one request or two. nil: it is acknowledged.
func (c *crowd) sendSmall(body []byte) (write, read string, err error) {
	want := http.StatusCreated
	q := []string{"Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(body))}
	one := rand.IntN(2) == 0
	var first []byte
	if one {
		first, q = body, append(q, "Content-Type", "application/offset+octet-stream")
	}
	a, err := ask(c.ctx, "POST", c.root, bytes.NewReader(first), q...)
	if err == nil && a.StatusCode == want {
		write, read = strings.TrimSuffix(c.root, filesRoot)+a.Header.Get("Location"), a.Header.Get("Upload-Read-Link")
		if one && a.Header.Get("Upload-Offset") != strconv.Itoa(len(body)) {
			return "", "", fmt.Errorf("it ended at %s of %d", a.Header.Get("Upload-Offset"), len(body))
		}
		if !one {
			want = http.StatusNoContent
			a, err = ask(c.ctx, "PATCH", write, bytes.NewReader(body), "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
		}
	}
	if err == nil && a.StatusCode != want {
		err = fmt.Errorf("status %s", a.Status)
	}
	return write, read, err
}
