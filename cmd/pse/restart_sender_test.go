package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

// A restartSender sends a file by tus while everything is killed, each chunk to
// the next of the workers, and sees that no byte that was acknowledged is lost.
type restartSender struct {
	at     []string // HTTP addresses of transfer workers
	client http.Client
	turn   int
	data   []byte
	url    string // the upload's, at the worker that made it
	acked  int
}

const (
	senderChunk = 16 << 10
	senderPause = 400 * time.Millisecond
)

// errRefused is an answer that a sender cannot do anything about.
var errRefused = errors.New("refused")

func newRestartSender(at []string, span time.Duration, seed uint64) *restartSender {
	s := &restartSender{at: at, client: http.Client{Timeout: 15 * time.Second}, data: make([]byte, senderChunk*max(1, int(span/senderPause)))}
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(s.data) // never fails
	return s
}

// run sends the file and takes it back, however long it takes until ctx ends.
func (s *restartSender) run(ctx context.Context) error {
	var trouble error
	for s.acked < len(s.data) || s.url == "" {
		err := s.step(ctx)
		if errors.Is(err, errRefused) {
			return err
		}
		if err != nil {
			trouble = err
		}
		if !sleep.For(ctx, senderPause) {
			return fmt.Errorf("%d of %d bytes sent: %w; the last trouble was %w", s.acked, len(s.data), ctx.Err(), trouble)
		}
	}
	for {
		got, err := s.ask(ctx, http.MethodGet, nil, 0)
		if err == nil && got.status == http.StatusOK {
			if !bytes.Equal(got.body, s.data) {
				return fmt.Errorf("%d bytes came back, and not those %d that were sent", len(got.body), len(s.data))
			}
			return nil
		}
		if !sleep.For(ctx, senderPause) {
			return fmt.Errorf("the file does not come back: %v, status %d: %s", err, got.status, got.body)
		}
	}
}

// step makes the upload, or asks where it is and sends the next chunk.
func (s *restartSender) step(ctx context.Context) error {
	if s.url == "" {
		a, err := s.ask(ctx, http.MethodPost, nil, 0)
		if err == nil && a.status == http.StatusCreated {
			s.url = a.header.Get("Location")
			return nil
		}
		return s.judge("made", a, err)
	}
	a, err := s.ask(ctx, http.MethodHead, nil, 0)
	if err != nil || a.status != http.StatusOK {
		return s.judge("asked for", a, err)
	}
	offset, err := strconv.Atoi(a.header.Get("Upload-Offset"))
	if err != nil || offset < s.acked || offset > len(s.data) {
		return fmt.Errorf("%w: %d bytes were acknowledged, now it has %q", errRefused, s.acked, a.header.Get("Upload-Offset"))
	}
	s.acked = offset
	if offset == len(s.data) {
		return nil
	}
	a, err = s.ask(ctx, http.MethodPatch, s.data[offset:min(offset+senderChunk, len(s.data))], offset)
	if err == nil && a.status == http.StatusNoContent {
		s.acked, err = strconv.Atoi(a.header.Get("Upload-Offset"))
		return err
	}
	return s.judge("sent to", a, err)
}

// judge tells what is to be tried again from what is not, as tus clients do: a
// lost connection, a server's own trouble, a lock (423), and a chunk that
// another request was faster with (409).
func (s *restartSender) judge(what string, a answered, err error) error {
	switch {
	case err != nil:
		return err
	case a.status >= 500, a.status == http.StatusLocked, a.status == http.StatusConflict, a.status == http.StatusTooManyRequests:
		return fmt.Errorf("status %d: %s", a.status, a.body)
	}
	return fmt.Errorf("%w: the upload cannot be %s: status %d: %s", errRefused, what, a.status, a.body)
}

type answered struct {
	status int
	header http.Header
	body   []byte
}

// ask makes one request of the next worker.
func (s *restartSender) ask(ctx context.Context, method string, body []byte, offset int) (a answered, err error) {
	s.turn++
	to := &url.URL{Scheme: "http", Host: s.at[s.turn%len(s.at)], Path: "/files/"}
	if s.url != "" {
		u, err := url.Parse(s.url)
		if err != nil {
			return a, err
		}
		to.Path = u.Path
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	switch method {
	case http.MethodPost:
		req.Header.Set("Upload-Length", strconv.Itoa(len(s.data)))
	case http.MethodPatch:
		req.Header.Set("Content-Type", "application/offset+octet-stream")
		req.Header.Set("Upload-Offset", strconv.Itoa(offset))
	case http.MethodGet:
		req.Header.Del("Tus-Resumable") // a browser's
	}
	r, err := s.client.Do(req)
	if err != nil {
		return a, err
	}
	defer r.Body.Close()
	a.status, a.header = r.StatusCode, r.Header
	a.body, err = io.ReadAll(r.Body)
	return a, err
}
