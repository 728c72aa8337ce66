package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
)

// askDraft sends a request of a version of the draft, and gives what interim answers said.
func (r *running) askDraft(version, method, url string, body io.Reader, headers ...string) (a reply, interim []textproto.MIMEHeader) {
	r.t.Helper()
	ctx := httptrace.WithClientTrace(r.t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == statusResumable {
			interim = append(interim, h)
		}
		return nil
	}})
	a, err := ask(ctx, method, url, body, append([]string{draftVersion, version}, headers...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	return a, interim
}

// problem is what an answer says is wrong (RFC 9457).
func (a reply) problem(t *testing.T) (p map[string]any) {
	t.Helper()
	if err := json.Unmarshal(a.body, &p); err != nil || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %s, %q: %v", a.Status, a.Header.Get("Content-Type"), a.body, err)
	}
	return p
}

// withInterim has a request note where interim answers say that its upload is.
func withInterim(ctx context.Context, location *string) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		if at := h.Get("Location"); at != "" {
			*location = at
		}
		return nil
	}})
}

// raw sends a request as it is, and gives the answer until the connection ends.
func (r *running) raw(request string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(bustest.Patience))
	_, _ = io.WriteString(c, request)
	answer, err := io.ReadAll(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(answer)
}

// iPhones of iOS 26.2 send 8, and some before it 7: an upload is made, announced with its
// limits, goes on after an interruption, is completed or cancelled.
func TestDraft(t *testing.T) { onEachStore(t, testDraft) }

func testDraft(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.MaxSize = 1000 })
	body := random(51, 1000)
	const limits = "min-size=0, max-size=1000, max-age=604800"
	append8 := []string{"Content-Type", "application/partial-upload"}
	for _, version := range []string{"7", "8"} {
		do := func(want int, method, url string, body []byte, headers ...string) (reply, []textproto.MIMEHeader) {
			t.Helper()
			a, interim := r.askDraft(version, method, url, bytes.NewReader(body), headers...)
			if a.want(t, want); a.Header.Get(draftVersion) != version {
				t.Errorf("%s: an answer of version %q", version, a.Header.Get(draftVersion))
			}
			return a, interim
		}
		// At once, as iPhones begin.
		a, interim := do(http.StatusCreated, "POST", r.url+filesRoot, body, "Upload-Complete", "?1", "Content-Type", "text/plain", "Content-Disposition", `inline; filename="a.txt"`)
		if len(interim) != 1 || interim[0].Get("Location") == "" || interim[0].Get("Location") != a.Header.Get("Location") || interim[0].Get("Upload-Limit") != limits || interim[0].Get(draftVersion) != version {
			t.Errorf("%s: announced as %v, answered %v", version, interim, a.Header)
		}
		if a.Header.Get("Upload-Complete") != "?1" {
			t.Errorf("%s: %v", version, a.Header)
		}
		if got := r.ask("GET", a.Header.Get("Upload-Read-Link"), nil).want(t, http.StatusOK); !bytes.Equal(got.body, body) || !strings.Contains(got.Header.Get("Content-Disposition"), "a.txt") {
			t.Errorf("%s: %d bytes, %v", version, len(got.body), got.Header)
		}
		at := a.location(t)
		a, _ = do(http.StatusBadRequest, "PATCH", at, []byte("more"), append(append8, "Upload-Offset", "1000", "Upload-Complete", "?1")...)
		if a.Header.Get("Upload-Complete") != "?1" {
			t.Errorf("%s: more of what is complete: %v", version, a.Header)
		}
		if p := a.problem(t); p["type"] != problemTypes+"completed-upload" {
			t.Errorf("%s: more of what is complete: %v", version, p)
		}

		// In pieces, the length told with the first or with the last.
		for _, length := range [][]string{nil, {"Upload-Length", "1000"}} {
			a, _ = do(http.StatusCreated, "POST", r.url+filesRoot, body[:300], append([]string{"Upload-Complete", "?0"}, length...)...)
			at = a.location(t)
			if a.Header.Get("Upload-Complete") != "?0" || a.Header.Get("Upload-Limit") != limits {
				t.Errorf("%s: begun: %v", version, a.Header)
			}
			a, interim = do(http.StatusNoContent, "PATCH", at, body[300:600], append(append8, "Upload-Offset", "300", "Upload-Complete", "?0")...)
			if a.Header.Get("Upload-Complete") != "?0" {
				t.Errorf("%s: appended: %v, %v", version, a.Header, interim)
			}
			a, _ = do(http.StatusConflict, "PATCH", at, body[500:600], append(append8, "Upload-Offset", "500", "Upload-Complete", "?0")...)
			if a.Header.Get("Upload-Offset") != "600" {
				t.Errorf("%s: a wrong offset: %v", version, a.Header)
			}
			if p := a.problem(t); p["type"] != problemTypes+"mismatching-upload-offset" || p["expected-offset"] != 600.0 || p["provided-offset"] != 500.0 {
				t.Errorf("%s: a wrong offset: %v", version, p)
			}
			if length != nil {
				a, _ = do(http.StatusBadRequest, "PATCH", at, body[600:700], append(append8, "Upload-Offset", "600", "Upload-Complete", "?1")...)
				if p := a.problem(t); p["type"] != problemTypes+"inconsistent-upload-length" {
					t.Errorf("%s: a wrong length: %v", version, p)
				}
			}
			a, _ = do(http.StatusNoContent, "HEAD", at, nil)
			if h := a.Header; h.Get("Upload-Offset") != "600" || h.Get("Upload-Complete") != "?0" || h.Get("Upload-Limit") != limits || (h.Get("Upload-Length") == "1000") != (length != nil) {
				t.Errorf("%s: where it is: %v", version, h)
			}
			a, _ = do(http.StatusNoContent, "PATCH", at, body[600:], append(append8, "Upload-Offset", "600", "Upload-Complete", "?1")...)
			if a.Header.Get("Upload-Complete") != "?1" {
				t.Errorf("%s: completed: %v", version, a.Header)
			}
			a, _ = do(http.StatusNoContent, "HEAD", at, nil)
			if h := a.Header; h.Get("Upload-Offset") != "1000" || h.Get("Upload-Complete") != "?1" || h.Get("Upload-Length") != "1000" {
				t.Errorf("%s: where it ended: %v", version, h)
			}
			if got := r.ask("GET", at, nil).want(t, http.StatusOK); !bytes.Equal(got.body, body) {
				t.Errorf("%s: other bytes", version)
			}
		}

		a, _ = do(http.StatusRequestEntityTooLarge, "POST", r.url+filesRoot, append(body, 0), "Upload-Complete", "?1")
		if a.Header.Get("Upload-Limit") != limits {
			t.Errorf("%s: too large: %v", version, a.Header)
		}
		a, _ = do(http.StatusCreated, "POST", r.url+filesRoot, nil, "Upload-Complete", "?0")
		do(http.StatusNoContent, "DELETE", a.location(t), nil)
		do(http.StatusNotFound, "HEAD", a.location(t), nil)
	}
	o := r.ask("OPTIONS", r.url+filesRoot, nil).want(t, http.StatusOK)
	if o.Header.Get("Upload-Limit") != limits || !strings.Contains(o.Header.Get("Accept-Patch"), "application/partial-upload") {
		t.Errorf("options: %v", o.Header)
	}
}

// What came before a connection was lost is kept, and the upload goes on behind it.
func TestDraftGoesOn(t *testing.T) {
	r := start(t)
	body := random(52, 1<<20)
	location := make(chan string, 1)
	ctx, cut := context.WithCancel(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == statusResumable {
			location <- h.Get("Location")
		}
		return nil
	}}))
	go func() {
		_, _ = ask(ctx, "POST", r.url+filesRoot, stuck(t, body[:1<<19]), draftVersion, "8", "Upload-Complete", "?1", "Upload-Length", strconv.Itoa(len(body)))
	}()
	at := r.url + <-location
	name := upload{r, at, ""}.name()
	bustest.Eventually(t, "half of it came", func() bool {
		i, err := r.store.Info(name)
		if err != nil {
			return false
		}
		n, err := r.store.Offset(i)
		return err == nil && n > 0
	})
	cut()
	a, _ := r.askDraft("8", "HEAD", at, nil)
	offset, err := strconv.Atoi(a.want(t, http.StatusNoContent).Header.Get("Upload-Offset"))
	if err != nil || offset == 0 || a.Header.Get("Upload-Complete") != "?0" {
		t.Fatalf("%v", a.Header)
	}
	a, _ = r.askDraft("8", "PATCH", at, bytes.NewReader(body[offset:]), "Upload-Offset", fmt.Sprint(offset), "Upload-Complete", "?1", "Content-Type", "application/partial-upload")
	if a.want(t, http.StatusNoContent).Header.Get("Upload-Complete") != "?1" {
		t.Errorf("%v", a.Header)
	}
	if got := r.ask("GET", at, nil).want(t, http.StatusOK); !bytes.Equal(got.body, body) {
		t.Error("other bytes")
	}
}

// Of a version that is not known only what is sent at once can be taken, without a word of
// the draft's; and an HTTP/1.0 client is sent no interim answer, whatever it speaks.
func TestDraftOfAnotherVersion(t *testing.T) {
	r := start(t)
	for _, version := range []string{"9", "2", "x"} {
		a, interim := r.askDraft(version, "POST", r.url+filesRoot, strings.NewReader("all of it"), "Upload-Complete", "?1")
		if h := a.want(t, http.StatusCreated).Header; len(interim) > 0 || h.Get(draftVersion) != "" || h.Get("Upload-Limit") != "" {
			t.Errorf("%s: %v, %v", version, interim, h)
		}
		if got := r.ask("GET", a.Header.Get("Upload-Read-Link"), nil).want(t, http.StatusOK); string(got.body) != "all of it" {
			t.Errorf("%s: %q", version, got.body)
		}
		a, interim = r.askDraft(version, "POST", r.url+filesRoot, strings.NewReader("some of it"), "Upload-Complete", "?0")
		if a.want(t, http.StatusPreconditionFailed); len(interim) > 0 {
			t.Errorf("%s: %v", version, interim)
		}
	}
	for _, version := range []string{"3", "6", "8"} {
		complete := "Upload-Complete: ?1"
		if version == "3" {
			complete = "Upload-Incomplete: ?0"
		}
		answer := r.raw("POST " + filesRoot + " HTTP/1.0\r\n" + draftVersion + ": " + version + "\r\n" + complete + "\r\nContent-Length: 5\r\n\r\nwhole")
		if strings.Contains(answer, " 104 ") || !strings.Contains(answer, " 201 ") {
			t.Errorf("%s: %.300s", version, answer)
		}
	}
}
