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
		rep := w.failure(errMethod)
		send(rw, r, &rep)
		return
	}
	q := w.raw.Request(r)
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
		return w.listReply(ctx, t, q)
	case hls.KindInit, hls.KindSegment, hls.KindPart:
		return w.mediaReply(ctx, t)
	case hls.KindPoster:
		return w.pictureReply(ctx, t.Name, "large")
	case hls.KindThumb:
		return w.pictureReply(ctx, t.Name, "small")
	}
	return reply.Reply{}, errNoPath
}

// failure is the reply to a request that failed, counted.
func (w *Worker) failure(err error) reply.Reply {
	e := w.errors.find(err)
	w.metrics.problems.WithLabelValues(strconv.Itoa(e.status)).Inc()
	return e.reply()
}

// multivariantReply is that to <name>/index.m3u8 and <name>.m3u8, of which the
// latter may be the media list <name>_<k>.m3u8.
func (w *Worker) multivariantReply(ctx context.Context, t hls.Target, q http1.Request) (reply.Reply, error) {
	s, err := w.dir.Open(ctx, t.Name)
	if t.Flat && errors.Is(err, stream.ErrNoStream) {
		if name, order, ok := hls.SplitOrder(t.Name); ok {
			return w.orderedReply(ctx, name, order, q)
		}
	}
	if err != nil {
		return reply.Reply{}, err
	}
	p, err := s.Multivariant(ctx, t.Flat)
	return w.playlist(p, q, err)
}

// orderedReply is that to <name>_<k>.m3u8, of HELIOS.
func (w *Worker) orderedReply(ctx context.Context, name string, order int, q http1.Request) (reply.Reply, error) {
	s, err := w.dir.Open(ctx, name)
	if err != nil {
		return reply.Reply{}, err
	}
	p, err := s.OrderedList(ctx, order, q.Query, w.viewerOf(q.Addr, q.Agent))
	return w.playlist(p, q, err)
}

// listReply is that to <name>/<rendition>/index.m3u8.
func (w *Worker) listReply(ctx context.Context, t hls.Target, q http1.Request) (reply.Reply, error) {
	s, err := w.dir.Open(ctx, t.Name)
	if err != nil {
		return reply.Reply{}, err
	}
	p, err := s.List(ctx, t.Rendition, q.Query, w.viewerOf(q.Addr, q.Agent))
	return w.playlist(p, q, err)
}

func (w *Worker) playlist(p stream.Playlist, q http1.Request, err error) (reply.Reply, error) {
	if err != nil {
		return reply.Reply{}, err
	}
	w.metrics.lists.Inc()
	return p.Body.In(q.Gzip).Reply(reply.TypeList, p.Cache), nil
}

// mediaReply is that to a part, a segment or an initialization segment.
func (w *Worker) mediaReply(ctx context.Context, t hls.Target) (reply.Reply, error) {
	s, err := w.dir.Open(ctx, t.Name)
	if err != nil {
		return reply.Reply{}, err
	}
	m, err := s.Media(ctx, t)
	if err != nil {
		return reply.Reply{}, err
	}
	w.metrics.media.Inc()
	w.metrics.bytes.Add(float64(m.Size))
	kind := reply.TypeVideo
	if m.Kind == bus.KindAudio {
		kind = reply.TypeAudio
	}
	return reply.Reply{
		Status: http.StatusOK, Type: kind, Cache: w.mediaAge, ETag: m.Tag,
		Ranges: true, Exposed: true, Chunks: m.Chunks, Size: m.Size,
	}, nil
}

// pictureReply is that to a stream's poster ("large") or thumbnail ("small").
func (w *Worker) pictureReply(ctx context.Context, name, size string) (reply.Reply, error) {
	sid, err := bus.SID(name)
	if err != nil {
		return reply.Reply{}, stream.ErrNoStream
	}
	if _, err := w.dir.Record(ctx, sid); err != nil {
		return reply.Reply{}, err
	}
	pic, err := w.pictures.Get(ctx, sid, size)
	if err != nil {
		return reply.Reply{}, err
	}
	if pic.JPEG == nil {
		return reply.Reply{}, errNoPicture
	}
	return reply.Reply{
		Status: http.StatusOK, Type: reply.TypeJPEG, Cache: reply.Second, ETag: `"` + strconv.FormatUint(pic.Seq, 36) + `"`,
		Ranges: true, Chunks: [][]byte{pic.JPEG}, Size: len(pic.JPEG),
	}, nil
}
