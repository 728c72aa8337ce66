package transfer

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/store"
)

// followPoll is how often a receiver looks for what another worker wrote.
const followPoll = 250 * time.Millisecond

// heldBack is how much of the end of a growing file its receivers wait for until
// it is complete, in bytes: what a hook refuses then was handed whole to nobody.
const heldBack = 4 << 10

// serveGrowing sends a file that is still being sent, to its end. It reads the file
// beside the writer: no receiver, however slow, holds anybody up.
func (d *downloads) serveGrowing(rw *patient, r *http.Request, i *store.Info) {
	if !d.follow || r.URL.Query().Get("follow") == "0" || strings.Contains(r.Header.Get("Prefer"), "wait=0") {
		sendError(rw, store.ErrGrowing)
		return
	}
	f, err := d.store.Open(i)
	if err != nil {
		sendError(rw, err)
		return
	}
	defer f.Close()
	g := &growing{store: d.store, wait: d.wait, rw: rw, r: r, info: i, file: f, seen: d.store.Follow(i.Name)}
	defer g.seen.Close()
	h := rw.Header()
	if r.Method == http.MethodHead {
		describe(h, r, i, "")
		if i.Size >= 0 {
			h.Set("Content-Length", strconv.FormatInt(i.Size, 10))
			h.Set("Accept-Ranges", "bytes")
		}
		return
	}
	typ, err := g.mediaType()
	if err != nil {
		sendError(rw, err)
		return
	}
	describe(h, r, i, typ)
	from, to, status, err := g.span(r)
	total := "*"
	if g.info.Size >= 0 {
		total = strconv.FormatInt(g.info.Size, 10)
	}
	switch {
	case errors.Is(err, errRange):
		h.Set("Content-Range", "bytes */"+total)
		http.Error(rw, "no such range", http.StatusRequestedRangeNotSatisfiable)
		return
	case err != nil:
		sendError(rw, err)
		return
	}
	if status == http.StatusPartialContent {
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", from, to-1, total))
	}
	if to >= 0 {
		h.Set("Accept-Ranges", "bytes")
		h.Set("Content-Length", strconv.FormatInt(to-from, 10))
	}
	d.count.Inc()
	rw.WriteHeader(status)
	if err := g.send(from, to); err != nil {
		panic(http.ErrAbortHandler) // half a file must not look whole
	}
}

// growing is one receiver of a file that grows.
type growing struct {
	store *store.Store
	wait  time.Duration // see Config.FollowWait
	rw    *patient
	r     *http.Request
	info  *store.Info
	file  store.Content
	seen  *store.Progress
	end   int64 // what counts, as far as seen
}

// mediaType tells the type by the file's beginning: as much of it as there is
// when something is.
func (g *growing) mediaType() (string, error) {
	enough := int64(1)
	if g.info.Size >= 0 {
		enough = min(512, g.info.Size)
	}
	err := g.await(func() bool { return g.end >= enough })
	if errors.Is(err, io.EOF) { // it is complete, and empty
		err = nil
	}
	if err != nil {
		return "", err
	}
	head := make([]byte, min(512, g.end))
	if _, err := io.ReadFull(g.file, head); err != nil {
		return "", fmt.Errorf("read the beginning of %s: %w", g.info.Name, err)
	}
	return mediaType(head, claimedType(g.info.Meta)), nil
}

// free is how far the file may be handed out.
func (g *growing) free() int64 {
	switch {
	case g.info.Complete():
		return g.info.Size
	case g.info.Size >= 0:
		return max(0, min(g.end, g.info.Size-heldBack))
	}
	return max(0, g.end-heldBack) // any byte may turn out to be the last
}

// span is what is asked for: the whole file, or the one range that was asked
// for; to is -1 when nobody knows the end yet. Several ranges are answered
// with the whole, as one may (RFC 9110 14.2), and so are the last bytes of what
// has no end yet. Of that a range is what is there of it (RFC 8673); where
// nothing is, it is waited for.
func (g *growing) span(r *http.Request) (from, to int64, status int, err error) {
	header := r.Header.Get("Range")
	if ir := r.Header.Get("If-Range"); ir != "" && ir != `"`+g.info.Name+`"` {
		header = ""
	}
	size, endless := g.info.Size, g.info.Size < 0
	if endless {
		size = math.MaxInt64
	}
	from, to, ok, err := parseRange(header, size)
	switch {
	case err != nil:
		return 0, 0, 0, err
	case !ok || endless && strings.HasPrefix(header, "bytes=-"):
		return 0, g.info.Size, http.StatusOK, nil
	case endless:
		if err := g.await(func() bool { return g.free() > from }); errors.Is(err, io.EOF) {
			return 0, 0, 0, errRange
		} else if err != nil {
			return 0, 0, 0, err
		}
		to = min(to, g.free())
	}
	return from, to, http.StatusPartialContent, nil
}

// send sends bytes from one offset to another, or to the file's end (-1).
func (g *growing) send(from, to int64) error {
	if _, err := g.file.Seek(from, io.SeekStart); err != nil {
		return err
	}
	for to < 0 || from < to {
		if err := g.await(func() bool { return g.free() > from }); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		upTo := g.free()
		if to >= 0 {
			upTo = min(upTo, to)
		}
		n, err := io.CopyN(g.rw, g.file, upTo-from)
		from += n
		if err != nil {
			return err
		}
		if from == g.free() && from != to {
			_ = g.rw.control.Flush() // what is there is worth seeing while there is no more
		}
	}
	return nil
}

// await waits until enough of the file is there; io.EOF: it is complete, and
// that is not enough; store.ErrGrowing: nothing of it came for too long.
func (g *growing) await(enough func() bool) error {
	if enough() {
		return nil
	}
	g.rw.rest()
	patience := time.NewTimer(g.wait)
	defer patience.Stop()
	poll := time.NewTicker(followPoll)
	defer poll.Stop()
	if err := g.look(); err != nil {
		return err
	}
	for {
		seen, changed := g.seen.State()
		g.end = max(g.end, seen)
		switch {
		case enough():
			return nil
		case g.info.Complete():
			return io.EOF
		}
		select {
		case <-changed:
			if g.info.Size < 0 || seen < g.info.Size {
				continue
			}
			if err := g.look(); err != nil { // it may be complete
				return err
			}
		case <-poll.C:
			if err := g.look(); err != nil {
				return err
			}
		case <-patience.C:
			return store.ErrGrowing
		case <-g.r.Context().Done():
			return g.r.Context().Err()
		}
	}
}

// look reads from the store how far the file is: another worker may write it,
// its length may have become known, or it may be gone.
func (g *growing) look() error {
	i, err := g.store.Info(g.info.Name)
	if err != nil {
		return err
	}
	end, err := g.store.Offset(i)
	if err != nil {
		return err
	}
	g.info, g.end = i, max(g.end, end)
	return nil
}
