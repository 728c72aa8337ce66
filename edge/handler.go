package edge

import (
	"context"
	"errors"
	"net/http"

	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/http1"
	"github.com/helios-h2020/pse/edge/reply"
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
		rep := w.failure(probMethod)
		send(rw, r, &rep)
		return
	}
	q := http1.RequestOf(r, hlsRoot)
	t := hls.ParsePath(q.Path)
	if isRaw(t) && w.ctx.Err() == nil && w.raw.Hijack(rw, r, q) {
		return
	}
	rep, err := w.answer(r.Context(), t, q)
	if err != nil {
		if r.Context().Err() != nil {
			return // nobody is there to read it
		}
		rep = w.failure(err)
	}
	send(rw, r, &rep)
}

// isRaw reports what is answered on connections taken over: lists and media,
// almost all that is asked of an edge.
func isRaw(t hls.Target) bool {
	return t.Kind == hls.KindMedia || t.Kind == hls.KindInit || t.Kind == hls.KindSegment || t.Kind == hls.KindPart
}

// rawAnswer answers a request on a connection taken over.
func (w *Worker) rawAnswer(q http1.Request) (reply.Reply, bool) {
	t := hls.ParsePath(q.Path)
	if !isRaw(t) {
		return reply.Reply{}, false
	}
	rep, err := w.answer(w.ctx, t, q)
	if err != nil {
		rep = w.failure(err)
	}
	return rep, true
}

// answer is the reply to a request, whatever reads and writes it.
func (w *Worker) answer(ctx context.Context, t hls.Target, q http1.Request) (reply.Reply, error) {
	switch t.Kind {
	case hls.KindMultivariant:
		return w.multivariantReply(ctx, t, q)
	case hls.KindMedia:
		a, err := w.answerMedia(ctx, t, q.Query, w.viewerOf(q.Addr, q.Agent))
		return w.listReply(a, q, err)
	case hls.KindInit, hls.KindSegment, hls.KindPart:
		return w.mediaReply(ctx, t)
	case hls.KindPoster:
		return w.pictureReply(ctx, t.Name, "large")
	case hls.KindThumb:
		return w.pictureReply(ctx, t.Name, "small")
	}
	return reply.Reply{}, probNoPath
}

// multivariantReply is that to <name>/index.m3u8 and <name>.m3u8, of which the
// latter may be the media list <name>_<k>.m3u8.
func (w *Worker) multivariantReply(ctx context.Context, t hls.Target, q http1.Request) (reply.Reply, error) {
	a, err := w.answerMultivariant(ctx, t)
	if t.Flat && errors.Is(err, probNoStream) {
		if name, order, ok := hls.SplitOrder(t.Name); ok {
			a, err = w.answerOrdered(ctx, name, order, q.Query, w.viewerOf(q.Addr, q.Agent))
		}
	}
	return w.listReply(a, q, err)
}

func (w *Worker) listReply(a listAnswer, q http1.Request, err error) (reply.Reply, error) {
	if err != nil {
		return reply.Reply{}, err
	}
	w.metrics.lists.Inc()
	return a.body.In(q.Gzip).Reply(reply.TypeList, a.cache), nil
}

func (w *Worker) mediaReply(ctx context.Context, t hls.Target) (reply.Reply, error) {
	m, err := w.answerBytes(ctx, t)
	if err != nil {
		return reply.Reply{}, err
	}
	w.metrics.media.Inc()
	w.metrics.bytes.Add(float64(m.size))
	return reply.Reply{
		Status: http.StatusOK, Type: m.kind, Cache: w.mediaAge, ETag: m.etag,
		Ranges: true, Exposed: true, Chunks: m.chunks, Size: m.size,
	}, nil
}
