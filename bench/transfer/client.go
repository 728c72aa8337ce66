package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	neturl "net/url"
	"strconv"
	"time"
)

// piece is what is sent over and over.
func piece() []byte {
	b := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

// repeated is n bytes of pieces.
type repeated struct {
	piece []byte
	left  int64
}

// Read implements io.Reader.
func (r *repeated) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(int64(len(b)), r.left)], r.piece)
	r.left -= int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo, so that the client copies nothing twice.
func (r *repeated) WriteTo(w io.Writer) (sum int64, err error) {
	for r.left > 0 {
		n, err := w.Write(r.piece[:min(int64(len(r.piece)), r.left)])
		sum, r.left = sum+int64(n), r.left-int64(n)
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// send sends a request and reads the answer.
func send(ctx context.Context, method, url string, size int64, want int, headers ...string) (http.Header, error) {
	var body io.Reader
	if size > 0 {
		body = &repeated{piece(), size}
	}
	q, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	q.ContentLength = size
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != want {
		err = fmt.Errorf("%s: %s: %.200s", method, a.Status, b)
	}
	return a.Header, err
}

// upload sends a file in chunks. whole: to its end, and the hash is waited for.
func upload(ctx context.Context, c candidate, size, chunk int64, whole bool) (url string, err error) {
	length := size + 1
	if whole {
		length = size
	}
	h, err := send(ctx, "POST", c.url, 0, http.StatusCreated, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.FormatInt(length, 10))
	if err != nil {
		return "", err
	}
	at, err := neturl.Parse(c.url)
	if err == nil {
		at, err = at.Parse(h.Get("Location"))
	}
	if err != nil {
		return "", err
	}
	url = at.String()
	for at := int64(0); at < size; at += chunk {
		_, err := send(ctx, "PATCH", url, min(chunk, size-at), http.StatusNoContent,
			"Tus-Resumable", "1.0.0", "Upload-Offset", strconv.FormatInt(at, 10), "Content-Type", "application/offset+octet-stream")
		if err != nil {
			return url, err
		}
	}
	if whole {
		return url, hashed(ctx, url)
	}
	return url, nil
}

// remove deletes a file, and waits until the server has done so: PSE answers
// before that.
func remove(ctx context.Context, c candidate, url string) error {
	if _, err := send(ctx, "DELETE", url, 0, http.StatusNoContent, "Tus-Resumable", "1.0.0"); err != nil {
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for used := c.p.CPU(); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		before := used
		if used = c.p.CPU(); used-before < 2*time.Millisecond {
			return nil
		}
	}
}

// hashed waits until a file has its hash.
func hashed(ctx context.Context, url string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := send(ctx, "HEAD", url, 0, http.StatusOK)
		if err != nil || len(h.Get("ETag")) > 60 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// download reads a file and forgets it.
func download(ctx context.Context, url string, size int64) error {
	q, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{a.Body}, make([]byte, 256<<10))
	if err == nil && n != size {
		err = fmt.Errorf("%d of %d bytes", n, size)
	}
	return err
}
