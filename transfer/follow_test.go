package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/client"
	"github.com/helios-h2020/pse/transfer/filehook"
)

// following begins to receive a file that grows. The channel gives what came of
// it, and why that ended.
func following(t *testing.T, url string) <-chan reply {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan reply, 1)
	go func() {
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		if err != nil {
			a.StatusCode = 0
		}
		done <- reply{a, b}
	}()
	return done
}

// A follower of a file that is refused in the end is not sent its last bytes,
// and not told that it is whole.
func TestRefusedFileIsHandedToNobody(t *testing.T) {
	body := random(1, 100_000)
	refuses := map[string]func(t *testing.T) *running{
		"hooks_dir": func(t *testing.T) *running {
			dir := hookScript(t, filehook.PreFinish, "#!/bin/sh\nexit 1\n")
			return start(t, func(c *Config) { c.HooksDir = dir })
		},
		"the bus": func(t *testing.T) *running {
			r := start(t)
			stop, err := client.Answer(r.bus.Client(nil), func(context.Context, bus.CompleteHook) (bus.Verdict, error) {
				return bus.Verdict{Reason: "a virus"}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			return r
		},
	}
	for name, starts := range refuses {
		for _, size := range []int{len(body), -1} {
			t.Run(fmt.Sprintf("%s, size %d", name, size), func(t *testing.T) {
				r := starts(t)
				u := r.create(size)
				u.patch(0, body[:50_000]).want(t, http.StatusNoContent)
				got := following(t, u.read)
				if size < 0 {
					u.patch(50_000, body[50_000:]).want(t, http.StatusNoContent)
					u.patch(len(body), nil, "Upload-Length", strconv.Itoa(len(body))).want(t, http.StatusForbidden)
				} else {
					u.patch(50_000, body[50_000:]).want(t, http.StatusForbidden)
				}
				a := <-got
				if a.StatusCode != 0 || len(a.body) > len(body)-heldBack || !bytes.HasPrefix(body, a.body) {
					t.Errorf("a receiver has %d of %d bytes, and was told that it is whole: %v", len(a.body), len(body), a.StatusCode != 0)
				}
			})
		}
	}
}

// A follower gets all of a file when it is complete, also one that is not
// longer than what is held back.
func TestFollowedToTheEnd(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, size := range []int{100, heldBack, heldBack + 1, 100_000} {
		for _, announced := range []bool{true, false} {
			body, n := random(2, size), -1
			if announced {
				n = size
			}
			u := r.create(n)
			u.patch(0, body[:size/2]).want(t, http.StatusNoContent)
			got := make(chan reply, 1)
			go func() {
				a, err := ask(t.Context(), "GET", u.read, nil)
				if err != nil {
					t.Error(err)
				}
				got <- a
			}()
			u.patch(size/2, body[size/2:]).want(t, http.StatusNoContent)
			if !announced {
				u.patch(size, nil, "Upload-Length", strconv.Itoa(size)).want(t, http.StatusNoContent)
			}
			if a := <-got; !bytes.Equal(a.body, body) {
				t.Errorf("%d of %d bytes", len(a.body), size)
			}
		}
	}
}

// A file that grows to a length that nobody knows has a type, and ranges: of
// what is there, and then of what comes.
func TestRangesOfUnknownLength(t *testing.T) {
	r := start(t)
	body := append([]byte("\x89PNG\r\n\x1a\n"), random(1, 50_000)...)
	u := r.create(-1)
	u.patch(0, body[:20_000]).want(t, http.StatusNoContent)
	for header, want := range map[string][]byte{
		"bytes=0-99":      body[:100],
		"bytes=100-":      body[100 : 20_000-heldBack],
		"bytes=100-99999": body[100 : 20_000-heldBack],
	} {
		a := r.ask("GET", u.read, nil, "Range", header).want(t, http.StatusPartialContent)
		if !bytes.Equal(a.body, want) || a.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%s: %d bytes of %s, want %d", header, len(a.body), a.Header.Get("Content-Type"), len(want))
		}
		var from, to int
		if _, err := fmt.Sscanf(a.Header.Get("Content-Range"), "bytes %d-%d/*", &from, &to); err != nil || to-from+1 != len(want) {
			t.Errorf("%s: %s", header, a.Header.Get("Content-Range"))
		}
	}
	later := make(chan reply, 2)
	for _, header := range []string{"bytes=30000-30009", "bytes=999999-"} { // nothing of it is there yet
		go func() {
			a, err := ask(t.Context(), "GET", u.read, nil, "Range", header)
			if err != nil {
				t.Error(err)
			}
			later <- a
		}()
	}
	u.patch(20_000, body[20_000:]).want(t, http.StatusNoContent)
	if a := (<-later).want(t, http.StatusPartialContent); !bytes.Equal(a.body, body[30_000:30_010]) {
		t.Errorf("%d other bytes", len(a.body))
	}
	u.patch(len(body), nil, "Upload-Length", strconv.Itoa(len(body))).want(t, http.StatusNoContent)
	a := (<-later).want(t, http.StatusRequestedRangeNotSatisfiable)
	if got := a.Header.Get("Content-Range"); got != "bytes */"+strconv.Itoa(len(body)) {
		t.Errorf("Content-Range %q", got)
	}
}

// A follower of a file of which nothing comes is told so, in time, and the last
// bytes of a file without an end are all of it.
func TestNothingComes(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.FollowWait = time.Second })
	u := r.create(-1)
	r.ask("GET", u.read, nil).want(t, http.StatusConflict)
	r.ask("GET", u.read, nil, "Range", "bytes=0-").want(t, http.StatusConflict)
	u.patch(0, random(1, 10_000)).want(t, http.StatusNoContent)
	r.ask("GET", u.read, nil, "Range", "bytes=10000-").want(t, http.StatusConflict)
	q, err := http.NewRequestWithContext(t.Context(), "GET", u.read, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Range", "bytes=-10")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); a.StatusCode != http.StatusOK || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%s, %v", a.Status, err)
	}
}
