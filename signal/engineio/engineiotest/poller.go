package engineiotest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Poller is a client on HTTP long-polling.
type Poller struct {
	t    testing.TB
	http *http.Client

	Base string // the server's URL with path: http://host/engine.io/
	EIO  int
	SID  string // empty: no session yet
	More string // more of the query, as "&b64=1"
}

// Handshake is the data of an open packet.
type Handshake struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

// NewPoller makes a client without a session.
func NewPoller(t testing.TB, base string, eio int) *Poller {
	// Of its own, so that all its connections are closed when the test is over.
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &Poller{t: t, http: &http.Client{Transport: tr, Timeout: patience}, Base: base, EIO: eio}
}

// Open opens a session.
func Open(t testing.TB, base string, eio int) (*Poller, Handshake) {
	t.Helper()
	p := NewPoller(t, base, eio)
	return p, p.Open()
}

// Open opens a session.
func (p *Poller) Open() Handshake {
	p.t.Helper()
	status, body := p.Get()
	if status != http.StatusOK {
		p.t.Fatalf("handshake answered %d %s", status, body)
	}
	if p.EIO == 3 {
		n, rest, _ := strings.Cut(body, ":")
		if n != strconv.Itoa(len(rest)) {
			p.t.Fatalf("handshake %q says %s bytes and has %d", body, n, len(rest))
		}
		body = rest
	}
	h := ParseHandshake(p.t, body)
	p.SID = h.SID
	return h
}

// ParseHandshake reads an open packet.
func ParseHandshake(t testing.TB, packet string) (h Handshake) {
	t.Helper()
	data, ok := strings.CutPrefix(packet, "0")
	if !ok {
		t.Fatalf("%q is no open packet", packet)
	}
	if err := json.Unmarshal([]byte(data), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// URL is what the client asks.
func (p *Poller) URL() string {
	u := p.Base + "?transport=polling&EIO=" + strconv.Itoa(p.EIO) + p.More
	if p.SID != "" {
		u += "&sid=" + p.SID
	}
	return u
}

// Get polls once.
func (p *Poller) Get() (status int, body string) { return p.GetContext(context.Background()) }

// GetContext polls; the poll is cancelled with ctx, status is 0 then.
func (p *Poller) GetContext(ctx context.Context) (status int, body string) {
	p.t.Helper()
	return p.do(ctx, http.MethodGet, "", "")
}

// Cancelled polls, and leaves once the poll is on its way.
func (p *Poller) Cancelled() {
	p.t.Helper()
	u, err := url.Parse(p.URL())
	if err != nil {
		p.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", u.RequestURI(), u.Host); err != nil {
		p.t.Error(err)
	}
	_ = conn.Close()
}

// Poll polls and wants an answer.
func (p *Poller) Poll() string {
	p.t.Helper()
	status, body := p.Get()
	if status != http.StatusOK {
		p.t.Fatalf("poll answered %d %s", status, body)
	}
	return body
}

// Post sends packets.
func (p *Poller) Post(body string) (status int, answer string) {
	p.t.Helper()
	return p.do(context.Background(), http.MethodPost, "text/plain;charset=UTF-8", body)
}

// PostBinary sends packets as bytes.
func (p *Poller) PostBinary(body string) (status int, answer string) {
	p.t.Helper()
	return p.do(context.Background(), http.MethodPost, "application/octet-stream", body)
}

// Send sends packets and wants them taken.
func (p *Poller) Send(body string) {
	p.t.Helper()
	if status, answer := p.Post(body); status != http.StatusOK || answer != "ok" {
		p.t.Fatalf("post of %.100q answered %d %s", body, status, answer)
	}
}

// Do sends any request of the session.
func (p *Poller) Do(method string) (status int, body string) {
	p.t.Helper()
	return p.do(context.Background(), method, "", "")
}

func (p *Poller) do(ctx context.Context, method, contentType, body string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, p.URL(), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			p.t.Errorf("%s %s: %v", method, p.URL(), err)
		}
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil && ctx.Err() == nil {
		p.t.Errorf("%s %s: %v", method, p.URL(), err)
	}
	return resp.StatusCode, string(b)
}

// Split cuts a payload of revision 4 into its packets.
func Split(body string) []string { return strings.Split(body, "\x1e") }
