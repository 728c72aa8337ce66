package edge

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/http1"
	"github.com/helios-h2020/pse/edge/reply"
	"github.com/helios-h2020/pse/edge/stream"
)

// serveHLS answers everything below /hls/ that net/http reads. Most of it is
// then read and answered on the connection alone, see rawAnswer.
func (w *Worker) serveHLS(rw http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		sendPreflight(rw)
		return
	default:
		var rep reply.Reply
		w.failure(errMethod, &rep)
		send(rw, r, &rep)
		return
	}
	q := w.raw.Request(r)
	t := hls.ParsePath(q.Path)
	if isRaw(t) && w.ctx.Err() == nil && w.raw.Hijack(rw, r, q) {
		return
	}
	var rep reply.Reply
	if err := w.answer(r.Context(), &t, &q, &rep); err != nil {
		if r.Context().Err() != nil {
			return // nobody is there to read it
		}
		w.failure(err, &rep)
	}
	send(rw, r, &rep)
}

// isRaw reports what is answered on connections taken over: lists and media,
// almost all that is asked of an edge.
func isRaw(t hls.Target) bool {
	return t.Kind == hls.KindMedia || t.Kind == hls.KindInit || t.Kind == hls.KindSegment || t.Kind == hls.KindPart
}

// rawAnswer answers a request on a connection taken over.
func (w *Worker) rawAnswer(q *http1.Request, rep *reply.Reply) bool {
	t := hls.ParsePath(q.Path)
	if !isRaw(t) {
		return false
	}
	if err := w.answer(w.ctx, &t, q, rep); err != nil {
		w.failure(err, rep)
	}
	return true
}

// answer makes the reply to a request, whatever reads and writes it. Replies are
// handed down to be filled in: most requests wait, and what their stacks hold meanwhile
// is most of what a viewer costs.
func (w *Worker) answer(ctx context.Context, t *hls.Target, q *http1.Request, rep *reply.Reply) error {
	switch t.Kind {
	case hls.KindMultivariant:
		return w.multivariantReply(ctx, t, q, rep)
	case hls.KindMedia:
		return w.listReply(ctx, t, q, rep)
	case hls.KindInit, hls.KindSegment, hls.KindPart:
		return w.mediaReply(ctx, t, rep)
	case hls.KindPoster:
		return w.pictureReply(ctx, t.Name, "large", rep)
	case hls.KindThumb:
		return w.pictureReply(ctx, t.Name, "small", rep)
	}
	return errNoPath
}

// failure makes the reply to a request that failed, and counts it.
func (w *Worker) failure(err error, rep *reply.Reply) {
	*rep = w.problem(err).reply()
}

// problem is what an error says to who asked. It is counted.
func (w *Worker) problem(err error) *statusError {
	e := w.errors.find(err)
	w.metrics.problems.WithLabelValues(strconv.Itoa(e.status)).Inc()
	return e
}

// multivariantReply is that to <name>/index.m3u8 and <name>.m3u8, of which the
// latter may be the media list <name>_<k>.m3u8.
func (w *Worker) multivariantReply(ctx context.Context, t *hls.Target, q *http1.Request, rep *reply.Reply) error {
	s, err := w.dir.Open(ctx, t.Name)
	if t.Flat && errors.Is(err, stream.ErrNoStream) {
		if name, order, ok := hls.SplitOrder(t.Name); ok {
			return w.orderedReply(ctx, name, order, q, rep)
		}
	}
	if err != nil {
		return err
	}
	p, err := s.Multivariant(ctx, t.Flat)
	return w.playlist(&p, q, err, rep)
}

// orderedReply is that to <name>_<k>.m3u8, of HELIOS.
func (w *Worker) orderedReply(ctx context.Context, name string, order int, q *http1.Request, rep *reply.Reply) error {
	s, err := w.dir.Open(ctx, name)
	if err != nil {
		return err
	}
	p, err := s.OrderedList(ctx, order, q.Query, w.viewerOf(q.Addr, q.Agent))
	return w.playlist(&p, q, err, rep)
}

// listReply is that to <name>/<rendition>/index.m3u8.
func (w *Worker) listReply(ctx context.Context, t *hls.Target, q *http1.Request, rep *reply.Reply) error {
	s, err := w.dir.Open(ctx, t.Name)
	if err != nil {
		return err
	}
	p, err := s.List(ctx, t.Rendition, q.Query, w.viewerOf(q.Addr, q.Agent))
	return w.playlist(&p, q, err, rep)
}

func (w *Worker) playlist(p *stream.Playlist, q *http1.Request, err error, rep *reply.Reply) error {
	if err == nil {
		w.metrics.lists.Inc()
		*rep = p.Body.In(q.Gzip).Reply(reply.TypeList, p.Cache)
	}
	return err
}

// mediaReply is that to a part, a segment or an initialization segment.
func (w *Worker) mediaReply(ctx context.Context, t *hls.Target, rep *reply.Reply) error {
	s, err := w.dir.Open(ctx, t.Name)
	if err != nil {
		return err
	}
	m, err := s.Media(ctx, *t)
	if err != nil {
		return err
	}
	w.metrics.media.Inc()
	w.metrics.bytes.Add(float64(m.Size))
	kind := reply.TypeVideo
	if m.Kind == bus.KindAudio {
		kind = reply.TypeAudio
	}
	*rep = reply.Reply{
		Status: http.StatusOK, Type: kind, Cache: w.mediaAge, ETag: m.Tag,
		Ranges: true, Exposed: true, Chunks: m.Chunks, Size: m.Size,
	}
	return nil
}

// pictureReply is that to a stream's poster ("large") or thumbnail ("small").
func (w *Worker) pictureReply(ctx context.Context, name, size string, rep *reply.Reply) error {
	sid, err := bus.SID(name)
	if err != nil {
		return stream.ErrNoStream
	}
	if _, err := w.dir.Record(ctx, sid); err != nil {
		return err
	}
	pic, err := w.pictures.Get(ctx, sid, size)
	if err != nil {
		return err
	}
	if pic.JPEG == nil {
		return errNoPicture
	}
	*rep = reply.Reply{
		Status: http.StatusOK, Type: reply.TypeJPEG, Cache: reply.Second, ETag: `"` + strconv.FormatUint(pic.Seq, 36) + `"`,
		Ranges: true, Chunks: [][]byte{pic.JPEG}, Size: len(pic.JPEG),
	}
	return nil
}
