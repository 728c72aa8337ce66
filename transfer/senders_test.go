package transfer

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/client"
	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/internal/disk/disktest"
	"github.com/helios-h2020/pse/internal/sleep"
)

// stuck is a body of which some bytes come and then, for long, no more. It ends
// before the test would: a client whose connection is cut waits for its body.
func stuck(t *testing.T, b []byte) io.Reader {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		_, _ = w.Write(b)
		sleep.For(t.Context(), bustest.Patience)
		w.CloseWithError(io.ErrUnexpectedEOF)
	}()
	return r
}

// A sender that comes back takes over from its own dead connection at once,
// here and at another worker of the same store, and all that came is kept.
func TestSenderTakesOver(t *testing.T) { onEachStore(t, testSenderTakesOver) }

func testSenderTakesOver(t *testing.T, keeps func(*Config)) {
	server := bustest.StartServer(t)
	one, two := startOn(t, server.Connect(t), keeps), startOn(t, server.Connect(t), keeps)
	body := random(6, 2<<20)
	for name, second := range map[string]*running{"here": one, "at another worker": two} {
		t.Run(name, func(t *testing.T) {
			u := one.create(len(body))
			dead := make(chan reply, 1)
			go func() {
				a, _ := ask(context.Background(), "PATCH", u.write, stuck(t, body[:1<<20]), "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
				dead <- a
			}()
			bustest.Eventually(t, "the first sender is at it", func() bool {
				at, err := one.store.Info(u.name())
				return err == nil && at != nil && one.sends(u.name())
			})
			v := upload{second, second.url + path.Join(filesRoot, path.Base(u.write)), second.url + path.Join(filesRoot, path.Base(u.read))}
			at := v.offset()
			if a := <-dead; a.Response != nil { // clients try again after 423, and not after 400
				a.want(t, http.StatusLocked)
			}
			v.patch(at, body[at:]).want(t, http.StatusNoContent)
			if a := one.ask("GET", u.read, nil).want(t, http.StatusOK); !bytes.Equal(a.body, body) {
				t.Error("other bytes")
			}
		})
	}
}

// A request that is asked to let go when it has read its body leaves a connection
// that the next request can use.
func TestConnectionGoesOn(t *testing.T) {
	r := start(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	stop, err := client.Answer(r.bus.Client(nil), func(context.Context, bus.CompleteHook) (bus.Verdict, error) {
		close(asked)
		<-answer
		return bus.Verdict{Allow: true}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	one := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	do := func(method, url string, body io.Reader, headers ...string) int {
		q, err := http.NewRequestWithContext(t.Context(), method, url, body)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			q.Header.Set(headers[i], headers[i+1])
		}
		a, err := one.Do(q)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer a.Body.Close()
		if _, err := io.Copy(io.Discard, a.Body); err != nil {
			t.Error(err)
		}
		return a.StatusCode
	}
	u := r.create(5, "Authorization", "Bearer my-very-own-token")
	sent := make(chan int)
	go func() {
		sent <- do("PATCH", u.write, strings.NewReader("hello"), "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	}()
	<-asked
	r.locks.handOver(u.name())
	close(answer)
	if got := <-sent; got != http.StatusNoContent {
		t.Errorf("the sender got %d", got)
	}
	if got := do("DELETE", r.url+apiRoot+"/"+u.name(), nil, "Authorization", "Bearer my-very-own-token"); got != http.StatusNoContent {
		t.Errorf("a deletion on the same connection got %d", got)
	}
}

// A refusal comes before the body that a sender holds back, whether it asked to be
// told to send it or not, and also when it is interrupted.
func TestRefusalsBeforeTheBody(t *testing.T) {
	r := start(t, func(c *Config) { c.StallTimeout, c.OwnerQuota, c.MaxSize = time.Hour, 5000, 4000 })
	for _, expect := range []string{"", "Expect: 100-continue\r\n"} {
		u := r.create(1000)
		at, err := url.Parse(u.write)
		if err != nil {
			t.Fatal(err)
		}
		send := func(method, path, headers string, length int) (*bufio.Reader, func()) {
			c, err := net.Dial("tcp", at.Host)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(bustest.Patience))
			fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n%sContent-Length: %d\r\n%s\r\n", method, path, expect, length, headers)
			return bufio.NewReader(c), func() { c.Close() }
		}
		for _, c := range []struct {
			method, path, headers string
			length, want          int
		}{
			{"PATCH", at.Path, "Upload-Offset: 7\r\n", 993, http.StatusConflict},
			{"PATCH", at.Path, "Upload-Offset: 0\r\n", 1001, http.StatusRequestEntityTooLarge},
			{"PATCH", at.Path + "x", "Upload-Offset: 0\r\n", 1000, http.StatusNotFound},
			{"PATCH", at.Path, "Upload-Offset: x\r\n", 1000, http.StatusBadRequest},
			{"POST", filesRoot, "Upload-Length: 4001\r\n", 1000, http.StatusRequestEntityTooLarge},
			{"POST", filesRoot, "Upload-Length: x\r\n", 1000, http.StatusBadRequest},
		} {
			answers, end := send(c.method, c.path, c.headers, c.length)
			if a, err := http.ReadResponse(answers, nil); err != nil || a.StatusCode != c.want {
				t.Errorf("%s %s%s: %+v, %v; want %d", c.method, expect, c.headers, a, err, c.want)
			}
			end()
		}
		first, end := send("PATCH", at.Path, "Upload-Offset: 0\r\n", 1000)
		bustest.Eventually(t, "the first sender is at it", func() bool { return r.sends(u.name()) })
		u.offset()
		a, err := http.ReadResponse(first, nil)
		if err == nil && a.StatusCode == http.StatusContinue {
			a, err = http.ReadResponse(first, nil)
		}
		if err != nil || a.StatusCode != http.StatusLocked {
			t.Errorf("who is taken over from got %+v, %v", a, err)
		}
		end()
	}
}

// A connection that is cut leaves what came; a wrong offset changes nothing.
func TestCutAndWrongOffset(t *testing.T) { onEachStore(t, testCutAndWrongOffset) }

func testCutAndWrongOffset(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.StallTimeout = time.Second })
	body := random(7, 1<<20)
	u := r.create(len(body))
	where, err := url.Parse(u.write)
	if err != nil {
		t.Fatal(err)
	}
	for at, n := 0, 100; n < len(body)/2; n = n*3 + 1 {
		c, err := net.Dial("tcp", where.Host)
		if err != nil {
			t.Fatal(err)
		}
		n = min(n, len(body)-at)
		fmt.Fprintf(c, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: %d\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n", where.Path, at, len(body)-at)
		if _, err := c.Write(body[at : at+n]); err != nil {
			t.Fatal(err)
		}
		c.Close()
		// The question may be faster than bytes on their way.
		was := at
		if at = u.offset(); at < was || at > was+n {
			t.Fatalf("offset %d, was %d and %d came", at, was, n)
		}
	}
	at := 0
	bustest.Eventually(t, "it goes on, and what is late has a wrong offset", func() bool {
		at = u.offset()
		return u.patch(at, body[at:at+10]).StatusCode == http.StatusNoContent
	})
	at += 10
	for _, wrong := range []int{0, at - 1, at + 1} {
		u.patch(wrong, body[:10]).want(t, http.StatusConflict)
	}
	for _, h := range []string{"-1", "x", "", "99999999999999999999"} {
		r.ask("PATCH", u.write, strings.NewReader("x"), "Tus-Resumable", "1.0.0", "Upload-Offset", h, "Content-Type", "application/offset+octet-stream").want(t, http.StatusBadRequest)
	}
	// One of whom nothing comes at all is cut off, too.
	a, err := ask(t.Context(), "PATCH", u.write, stuck(t, nil), "Tus-Resumable", "1.0.0", "Upload-Offset", fmt.Sprint(at), "Content-Type", "application/offset+octet-stream")
	if err == nil && a.StatusCode < 400 {
		t.Errorf("a sender that sends nothing got %s", a.Status)
	}
	// One that stalls is cut off, and what came is kept.
	a, err = ask(t.Context(), "PATCH", u.write, stuck(t, body[at:at+1000]), "Tus-Resumable", "1.0.0", "Upload-Offset", fmt.Sprint(at), "Content-Type", "application/offset+octet-stream")
	if err == nil && a.StatusCode < 400 {
		t.Errorf("a sender that stalls got %s", a.Status)
	}
	if n := u.offset(); n != at+1000 {
		t.Errorf("offset %d, want %d", n, at+1000)
	}
	u.patch(at+1000, body[at+1000:]).want(t, http.StatusNoContent)
	if a := r.ask("GET", u.read, nil).want(t, http.StatusOK); !bytes.Equal(a.body, body) {
		t.Error("other bytes")
	}
	u.patch(len(body), []byte("more")).want(t, http.StatusNoContent) // tus: nothing is left to do, and nothing done
}

// Quotas, sizes and what is announced too large.
func TestLimits(t *testing.T) { onEachStore(t, testLimits) }

func testLimits(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.MaxSize, c.OwnerQuota, c.TotalQuota = 1000, 1500, 2500 })
	make := func(owner, size string) int {
		return r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", size, "Authorization", "Bearer "+strings.Repeat(owner, 20)).StatusCode
	}
	for _, c := range []struct {
		owner, size string
		want        int
	}{
		{"a", "1001", 413},
		{"a", "1000", 201},
		{"a", "501", 413},
		{"a", "500", 201},
		{"b", "1000", 201},
		{"c", "1", 413},
		{"a", "-1", 400},
		{"a", "1e3", 400},
		{"a", "9223372036854775808", 400},
	} {
		if got := make(c.owner, c.size); got != c.want {
			t.Errorf("%s of %s bytes: %d, want %d", c.owner, c.size, got, c.want)
		}
	}
	free := start(t, keeps, func(c *Config) { c.OwnerQuota = 1000 })
	u := free.create(-1)
	u.patch(0, random(1, 600)).want(t, http.StatusNoContent)
	u.patch(600, random(1, 600)).want(t, http.StatusRequestEntityTooLarge)
	if n := u.offset(); n > 1000 {
		t.Errorf("%d bytes are kept", n)
	}
	free.ask("POST", free.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "1", "Upload-Metadata", meta("x", strings.Repeat("y", maxMetadata))).want(t, http.StatusBadRequest)
}

// The largest size holds however a sender speaks, and whether it says the size
// at the beginning, later or never.
func TestLargestSize(t *testing.T) { onEachStore(t, testLargestSize) }

func testLargestSize(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.MaxSize = 1000 })
	unsized := func(n int) io.Reader { return io.MultiReader(bytes.NewReader(random(1, n))) }
	for name, headers := range map[string][]string{
		"interop 3": {"Upload-Draft-Interop-Version", "3", "Upload-Incomplete", "?0"},
		"interop 5": {"Upload-Draft-Interop-Version", "5", "Upload-Complete", "?1"},
		"interop 6": {"Upload-Draft-Interop-Version", "6", "Upload-Complete", "?1"},
	} {
		r.ask("POST", r.url+filesRoot, bytes.NewReader(random(1, 1000)), headers...).want(t, http.StatusCreated)
		r.ask("POST", r.url+filesRoot, bytes.NewReader(random(1, 1001)), headers...).want(t, http.StatusRequestEntityTooLarge)
		r.ask("POST", r.url+filesRoot, unsized(1000), headers...).want(t, http.StatusCreated)
		r.ask("POST", r.url+filesRoot, unsized(1001), headers...).want(t, http.StatusRequestEntityTooLarge)
		for length, want := range map[string]int{"1000": http.StatusCreated, "1001": http.StatusRequestEntityTooLarge, "-1": http.StatusBadRequest} {
			begin := append([]string{"Upload-Length", length}, headers[:3]...)
			begin = append(begin, map[string]string{"?0": "?1", "?1": "?0"}[headers[3]]) // there is more to come
			if a := r.ask("POST", r.url+filesRoot, bytes.NewReader(random(1, 10)), begin...); a.StatusCode != want {
				t.Errorf("%s of %s bytes: %s, want %d", name, length, a.Status, want)
			}
		}
	}
	u := r.create(-1)
	u.patch(0, random(1, 1000), "Upload-Length", "1001").want(t, http.StatusBadRequest) // of tusd
	u.patch(0, random(1, 1001)).want(t, http.StatusRequestEntityTooLarge)
	parts := make([]string, 2)
	for i := range parts {
		p := r.create(600, "Upload-Concat", "partial")
		p.patch(0, random(1, 600)).want(t, http.StatusNoContent)
		parts[i] = p.write
	}
	r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Concat", "final;"+strings.Join(parts, " ")).want(t, http.StatusRequestEntityTooLarge)
}

// The disk is full: 507, what was acknowledged is kept, and it goes on when
// there is room.
func TestFullDisk(t *testing.T) {
	dir := disktest.Mount(t, "size=4m")
	r := start(t, func(c *Config) { c.Dir, c.LeaveFree = dir, 0 }) // as if others filled it
	body := random(8, 3<<20)
	ballast := r.create(2 << 20)
	ballast.patch(0, body[:2<<20]).want(t, http.StatusNoContent)
	u := r.create(len(body))
	u.patch(0, body[:1<<20]).want(t, http.StatusNoContent)
	u.patch(1<<20, body[1<<20:]).want(t, http.StatusInsufficientStorage)
	at := u.offset()
	if at < 1<<20 {
		t.Fatalf("%d bytes are left", at)
	}
	r.ask("DELETE", ballast.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent)
	bustest.Eventually(t, "there is room", func() bool {
		at = u.offset()
		return u.patch(at, body[at:]).StatusCode == http.StatusNoContent
	})
	if a := r.ask("GET", u.read, nil).want(t, http.StatusOK); !bytes.Equal(a.body, body) {
		t.Error("other bytes")
	}
}

// Files leave room on the disk: a sender that would take it is told so, before and while
// sending, what arrived is kept, and whatever is left can be deleted, also on a
// disk that others filled to the last byte.
func TestRoomIsLeft(t *testing.T) {
	dir := disktest.Mount(t, "size=20m")
	r := start(t, func(c *Config) { c.Dir = dir }) // 2 MiB of 20 are left free
	body := random(9, 17<<20)
	r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", fmt.Sprint(19<<20)).want(t, http.StatusInsufficientStorage)
	u := r.create(len(body))
	u.patch(0, body).want(t, http.StatusNoContent)
	v := r.create(1 << 19) // it fits
	w := r.create(-1)
	w.patch(0, body[:4<<20]).want(t, http.StatusInsufficientStorage)
	at := w.offset()
	space, err := disk.Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	if space.Free < 2<<20-64<<10 || at > 1<<20 {
		t.Errorf("%d bytes of the last came, %d are free", at, space.Free)
	}
	r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", fmt.Sprint(1<<20)).want(t, http.StatusInsufficientStorage)
	if a := r.ask("GET", u.read, nil).want(t, http.StatusOK); !bytes.Equal(a.body, body) {
		t.Error("other bytes")
	}

	// Somebody else fills the rest.
	ballast, err := os.Create(path.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	r.ask("DELETE", u.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent)
	r.ask("DELETE", v.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent)
	if n := w.offset(); n != at {
		t.Errorf("%d of %d bytes are kept", n, at)
	}
	bustest.Eventually(t, "there is room", func() bool { return w.patch(w.offset(), body[at:at+1<<20]).StatusCode == http.StatusNoContent })
}
