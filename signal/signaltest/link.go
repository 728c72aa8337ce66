package signaltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const sep = "\x1e" // between packets of a payload (Engine.IO, "Packet encoding")

func dial(ctx context.Context, o Options) (link, error) {
	base := o.URL() + "/socket.io/?EIO=4&transport="
	if o.Polling {
		return dialPolling(ctx, base+"polling", o.Agent)
	}
	d := websocket.Dialer{HandshakeTimeout: 10 * time.Second, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	conn, resp, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(base, "http")+"websocket", http.Header{"User-Agent": {o.Agent}})
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("WebSocket handshake: %s: %w", resp.Status, err)
		}
		return nil, err
	}
	return &wsLink{conn: conn}, nil
}

type wsLink struct {
	conn *websocket.Conn
	mu   sync.Mutex // held while writing
}

func (l *wsLink) read() (string, error) {
	_ = l.conn.SetReadDeadline(time.Now().Add(time.Minute))
	_, b, err := l.conn.ReadMessage()
	return string(b), err
}

func (l *wsLink) write(p string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn.WriteMessage(websocket.TextMessage, []byte(p))
}

func (l *wsLink) close() { _ = l.conn.NetConn().Close() }

// pollLink polls in read, and posts what was written meanwhile together.
type pollLink struct {
	http  *http.Client
	url   string
	agent string
	ctx   context.Context
	end   context.CancelFunc
	got   []string // of read

	mu      sync.Mutex // guards what follows
	waiting []string
	posting bool
	err     error
}

func dialPolling(ctx context.Context, url, agent string) (link, error) {
	d := &net.Dialer{}
	l := &pollLink{
		url: url, agent: agent,
		http: &http.Client{Transport: &http.Transport{DialContext: d.DialContext, MaxIdleConnsPerHost: 2, ReadBufferSize: 2 << 10, WriteBufferSize: 2 << 10}},
	}
	l.ctx, l.end = context.WithCancel(ctx)
	open, err := l.read()
	if err != nil {
		l.close()
		return nil, err
	}
	var h struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(open, "0")), &h); err != nil {
		l.close()
		return nil, fmt.Errorf("handshake %q: %w", open, err)
	}
	l.url += "&sid=" + h.SID
	l.got = append([]string{open}, l.got...)
	return l, nil
}

func (l *pollLink) do(method, body string) (string, error) {
	req, err := http.NewRequestWithContext(l.ctx, method, l.url, bytes.NewReader([]byte(body)))
	if err != nil {
		return "", err
	}
	req.Header.Set("User-Agent", l.agent)
	req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	resp, err := l.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %d %s", method, resp.StatusCode, b)
	}
	return string(b), nil
}

func (l *pollLink) read() (string, error) {
	for len(l.got) == 0 {
		body, err := l.do(http.MethodGet, "")
		if err != nil {
			return "", err
		}
		l.got = strings.Split(body, sep)
	}
	p := l.got[0]
	l.got = l.got[1:]
	if p == "1" {
		return "", errors.New("the server closed the session")
	}
	return p, nil
}

func (l *pollLink) write(p string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.waiting = append(l.waiting, p)
	if !l.posting {
		l.posting = true
		go l.post()
	}
	return nil
}

func (l *pollLink) post() {
	for {
		l.mu.Lock()
		ps := l.waiting
		l.waiting = nil
		if len(ps) == 0 {
			l.posting = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		if _, err := l.do(http.MethodPost, strings.Join(ps, sep)); err != nil {
			l.mu.Lock()
			l.err = err
			l.mu.Unlock()
			l.end()
			return
		}
	}
}

func (l *pollLink) close() {
	l.end()
	l.http.CloseIdleConnections()
}
