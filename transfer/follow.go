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

// followPoll is how often a follower reads the store for what another worker wrote.
const followPoll = 250 * time.Millisecond

// heldBack is how many bytes at the end of a growing file are sent only when it is
// complete: no receiver has all of a file that a hook then refuses.
const heldBack = 4 << 10

// serveGrowing serves a file that is still being sent, to its end. It reads the file
// independently of the writer: a slow receiver delays nothing else.
func (d *downloads) serveGrowing(rw *deadlineWriter, r *http.Request, i *store.Info) {
	if !d.follow || r.URL.Query().Get("follow") == "0" || strings.Contains(r.Header.Get("Prefer"), "wait=0") {
		sendError(rw, store.ErrGrowing)
		return
	}
	content, err := d.store.Open(i)
	if err != nil {
		sendError(rw, err)
		return
	}
	defer content.Close()
	f := &follower{store: d.store, wait: d.wait, rw: rw, r: r, info: i, file: content, progress: d.store.Follow(i.Name)}
	defer f.progress.Close()
	h := rw.Header()
	if r.Method == http.MethodHead {
		describe(h, r, i, "")
		if i.Size >= 0 {
			h.Set("Content-Length", strconv.FormatInt(i.Size, 10))
			h.Set("Accept-Ranges", "bytes")
		}
		return
	}
	typ, err := f.mediaType()
	if err != nil {
		sendError(rw, err)
		return
	}
	describe(h, r, i, typ)
	from, to, status, err := f.requestedRange(r)
	total := "*"
	if f.info.Size >= 0 {
		total = strconv.FormatInt(f.info.Size, 10)
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
	if err := f.send(from, to); err != nil {
		panic(http.ErrAbortHandler) // half a file must not look whole
	}
}

// follower is one receiver of a growing file.
type follower struct {
	store    *store.Store
	wait     time.Duration // see Config.FollowWait
	rw       *deadlineWriter
	r        *http.Request
	info     *store.Info
	file     store.Content
	progress *store.Progress
	end      int64 // bytes that count, as far as known
}

// mediaType detects the type by the file's beginning, up to 512 bytes of it; of a file
// of unknown length by what is there when the first bytes are.
func (f *follower) mediaType() (string, error) {
	enough := int64(1)
	if f.info.Size >= 0 {
		enough = min(512, f.info.Size)
	}
	err := f.waitUntil(func() bool { return f.end >= enough })
	if errors.Is(err, io.EOF) { // it is complete, and empty
		err = nil
	}
	if err != nil {
		return "", err
	}
	head := make([]byte, min(512, f.end))
	if _, err := io.ReadFull(f.file, head); err != nil {
		return "", fmt.Errorf("read the beginning of %s: %w", f.info.Name, err)
	}
	return mediaType(head, claimedType(f.info.Meta)), nil
}

// available is the offset up to which the file may be sent.
func (f *follower) available() int64 {
	switch {
	case f.info.Complete():
		return f.info.Size
	case f.info.Size >= 0:
		return max(0, min(f.end, f.info.Size-heldBack))
	}
	return max(0, f.end-heldBack) // any byte may turn out to be the last
}

// requestedRange is the range of the request, or the whole file; to is -1 while the end
// is not known. Several ranges are answered with the whole file (RFC 9110 section 14.2
// allows it), and so is a suffix range of a file of unknown length. Another range of
// such a file is answered with what is there of it (RFC 8673), after a wait for its
// first byte.
func (f *follower) requestedRange(r *http.Request) (from, to int64, status int, err error) {
	header := r.Header.Get("Range")
	if ir := r.Header.Get("If-Range"); ir != "" && ir != `"`+f.info.Name+`"` {
		header = ""
	}
	size, endless := f.info.Size, f.info.Size < 0
	if endless {
		size = math.MaxInt64
	}
	from, to, ok, err := parseRange(header, size)
	switch {
	case err != nil:
		return 0, 0, 0, err
	case !ok || endless && strings.HasPrefix(header, "bytes=-"):
		return 0, f.info.Size, http.StatusOK, nil
	case endless:
		if err := f.waitUntil(func() bool { return f.available() > from }); errors.Is(err, io.EOF) {
			return 0, 0, 0, errRange
		} else if err != nil {
			return 0, 0, 0, err
		}
		to = min(to, f.available())
	}
	return from, to, http.StatusPartialContent, nil
}

// send sends the bytes between two offsets; to is -1 for the file's end.
func (f *follower) send(from, to int64) error {
	if _, err := f.file.Seek(from, io.SeekStart); err != nil {
		return err
	}
	for to < 0 || from < to {
		if err := f.waitUntil(func() bool { return f.available() > from }); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		upTo := f.available()
		if to >= 0 {
			upTo = min(upTo, to)
		}
		n, err := io.CopyN(f.rw, f.file, upTo-from)
		from += n
		if err != nil {
			return err
		}
		if from == f.available() && from != to {
			_ = f.rw.control.Flush() // sent before waiting for more
		}
	}
	return nil
}

// waitUntil waits until enough of the file is there; io.EOF: it is complete and that is
// not enough; store.ErrGrowing: no byte of it came for Config.FollowWait.
func (f *follower) waitUntil(enough func() bool) error {
	if enough() {
		return nil
	}
	f.rw.clearDeadline()
	patience := time.NewTimer(f.wait)
	defer patience.Stop()
	poll := time.NewTicker(followPoll)
	defer poll.Stop()
	if err := f.refresh(); err != nil {
		return err
	}
	for {
		seen, changed := f.progress.State()
		f.end = max(f.end, seen)
		switch {
		case enough():
			return nil
		case f.info.Complete():
			return io.EOF
		}
		select {
		case <-changed:
			if f.info.Size < 0 || seen < f.info.Size {
				continue
			}
			if err := f.refresh(); err != nil { // it may be complete
				return err
			}
		case <-poll.C:
			if err := f.refresh(); err != nil {
				return err
			}
		case <-patience.C:
			return store.ErrGrowing
		case <-f.r.Context().Done():
			return f.r.Context().Err()
		}
	}
}

// refresh reads the upload's record and offset from the store: another worker may write
// it, its length may have become known, or it may be removed.
func (f *follower) refresh() error {
	i, err := f.store.Info(f.info.Name)
	if err != nil {
		return err
	}
	end, err := f.store.Offset(i)
	if err != nil {
		return err
	}
	f.info, f.end = i, max(f.end, end)
	return nil
}
