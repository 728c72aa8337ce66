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

// hlsRoot is where streams are mounted.
const hlsRoot = "/hls/"

// handler answers what is asked below hlsRoot.
type handler struct {
	ctx      context.Context // ends with the worker
	dir      *stream.Directory
	pictures *stream.Pictures
	errors   *statusErrors
	metrics  *metrics
	raw      *http1.Server

	mediaAge reply.Cache
	hasher   hasher
}

// serveHLS answers everything below /hls/ that net/http reads. Most of it is
// then read and answered on the connection alone, see rawAnswer.
func (h *handler) serveHLS(rw http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		sendPreflight(rw)
		return
	default:
		var rep reply.Reply
		h.failure(errMethod, &rep)
		send(rw, r, &rep)
		return
	}
	q := h.raw.Request(r)
	t := hls.ParsePath(q.Path)
	if isRaw(t) && h.ctx.Err() == nil && h.raw.Hijack(rw, r, q) {
		return
	}
	var rep reply.Reply
	if err := h.answer(r.Context(), &t, &q, &rep); err != nil {
		if r.Context().Err() != nil {
			return // nobody is there to read it
		}
		h.failure(err, &rep)
	}
	send(rw, r, &rep)
}

// isRaw reports what is answered on connections taken over: lists and media,
// almost all that is asked of an edge.
func isRaw(t hls.Target) bool {
	return t.Kind == hls.KindMedia || t.Kind == hls.KindInit || t.Kind == hls.KindSegment || t.Kind == hls.KindPart
}

// rawAnswer answers a request on a connection taken over.
func (h *handler) rawAnswer(q *http1.Request, rep *reply.Reply) bool {
	t := hls.ParsePath(q.Path)
	if !isRaw(t) {
		return false
	}
	if err := h.answer(h.ctx, &t, q, rep); err != nil {
		h.failure(err, rep)
	}
	return true
}

// answer makes the reply to a request, whatever reads and writes it. Replies are
// handed down to be filled in: most requests wait, and what their stacks hold meanwhile
// is most of what a viewer costs.
func (h *handler) answer(ctx context.Context, t *hls.Target, q *http1.Request, rep *reply.Reply) error {
	switch t.Kind {
	case hls.KindMultivariant:
		return h.multivariantReply(ctx, t, q, rep)
	case hls.KindMedia:
		return h.listReply(ctx, t, q, rep)
	case hls.KindInit, hls.KindSegment, hls.KindPart:
		return h.mediaReply(ctx, t, rep)
	case hls.KindPoster:
		return h.pictureReply(ctx, t.Name, "large", rep)
	case hls.KindThumb:
		return h.pictureReply(ctx, t.Name, "small", rep)
	}
	return errNoPath
}

// failure makes the reply to a request that failed.
func (h *handler) failure(err error, rep *reply.Reply) {
	*rep = h.errors.find(err).reply()
}

// multivariantReply is that to <name>/index.m3u8 and <name>.m3u8, of which the
// latter may be the media list <name>_<k>.m3u8.
func (h *handler) multivariantReply(ctx context.Context, t *hls.Target, q *http1.Request, rep *reply.Reply) error {
	s, err := h.dir.Open(ctx, t.Name)
	if t.Flat && errors.Is(err, stream.ErrNoStream) {
		if name, order, ok := hls.SplitOrder(t.Name); ok {
			return h.orderedReply(ctx, name, order, q, rep)
		}
	}
	if err != nil {
		return err
	}
	p, err := s.Multivariant(ctx, t.Flat)
	return h.playlist(&p, q, err, rep)
}

// orderedReply is that to <name>_<k>.m3u8, of HELIOS.
func (h *handler) orderedReply(ctx context.Context, name string, order int, q *http1.Request, rep *reply.Reply) error {
	s, err := h.dir.Open(ctx, name)
	if err != nil {
		return err
	}
	p, err := s.OrderedList(ctx, order, q.Query, h.hasher.viewer(q.Addr, q.Agent))
	return h.playlist(&p, q, err, rep)
}

// listReply is that to <name>/<rendition>/index.m3u8.
func (h *handler) listReply(ctx context.Context, t *hls.Target, q *http1.Request, rep *reply.Reply) error {
	s, err := h.dir.Open(ctx, t.Name)
	if err != nil {
		return err
	}
	p, err := s.List(ctx, t.Rendition, q.Query, h.hasher.viewer(q.Addr, q.Agent))
	return h.playlist(&p, q, err, rep)
}

func (h *handler) playlist(p *stream.Playlist, q *http1.Request, err error, rep *reply.Reply) error {
	if err == nil {
		h.metrics.lists.Inc()
		*rep = p.Body.In(q.Gzip).Reply(reply.TypeList, p.Cache)
	}
	return err
}

// mediaReply is that to a part, a segment or an initialization segment.
func (h *handler) mediaReply(ctx context.Context, t *hls.Target, rep *reply.Reply) error {
	s, err := h.dir.Open(ctx, t.Name)
	if err != nil {
		return err
	}
	m, err := s.Media(ctx, *t)
	if err != nil {
		return err
	}
	h.metrics.media.Inc()
	h.metrics.bytes.Add(float64(m.Size))
	kind := reply.TypeVideo
	if m.Kind == bus.KindAudio {
		kind = reply.TypeAudio
	}
	*rep = reply.Reply{
		Status: http.StatusOK, Type: kind, Cache: h.mediaAge, ETag: m.Tag,
		Ranges: true, Exposed: true, Chunks: m.Chunks, Size: m.Size,
	}
	return nil
}

// pictureReply is that to a stream's poster ("large") or thumbnail ("small").
func (h *handler) pictureReply(ctx context.Context, name, size string, rep *reply.Reply) error {
	sid, err := bus.SID(name)
	if err != nil {
		return stream.ErrNoStream
	}
	if _, err := h.dir.Record(ctx, sid); err != nil {
		return err
	}
	pic, err := h.pictures.Get(ctx, sid, size)
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
