package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/internal/sleep"
)

// Part is one message of the parts log: one CMAF chunk (moof, mdat) of one
// rendition. A rendition's parts are numbered without gap: (MSN, 0), (MSN, 1)
// ... the one with Last, (MSN+1, 0) ... and all renditions number the same
// segments alike. A segment says everything about itself in its part 0, so
// that a playlist is a function of the log's last minutes and nothing else.
type Part struct {
	SID, Rendition string
	Seq            uint64 // its number in the log, on reading
	MSN            uint64
	Index          int
	Start, End     int64 // stream clock, ms; End is the next part's Start
	Independent    bool  // begins with a key frame (INDEPENDENT=YES)
	Last           bool  // the last part of its segment
	EOS            bool  // no part: nothing follows, the stream has ended (EXT-X-ENDLIST)
	Segment        *Segment
	Init           []byte // the initialization segment this segment needs; with part 0 only
	Data           []byte // nil when read headers-only
	Size           int    // len(Data), also when read headers-only

	Source uint64          // the media log number of a Key chunk from which the next part can be made
	Resume json.RawMessage // what a new transcoder needs besides; opaque to others
}

// Segment is what part 0 tells of its segment and of its rendition.
type Segment struct {
	Session          string // StreamRecord.Session; a new one starts the playlist anew
	Epoch            int
	PDT              int64  // EXT-X-PROGRAM-DATE-TIME of its start, unix ms
	Discontinuity    bool   // EXT-X-DISCONTINUITY goes before it
	DiscontinuitySeq uint64 // discontinuities in the stream up to and with this segment
	InitID           string // names Init: same id, same bytes

	Target     int // EXT-X-TARGETDURATION, s; constant in a session
	PartTarget int // PART-TARGET, ms; constant in a session

	Planned          int      // how many renditions the stream is to have, 0 unknown: a master waits for them at its start
	Order            int      // place in the master playlist, from 0, the preferred first
	Kind             string   // KindAV, KindVideo or KindAudio
	Label            string   // for people: "720p", "Source", "Audio only"
	Codecs           string   // RFC 6381
	Captions         []string `json:",omitempty"` // closed captions in its pictures so far in the session, as INSTREAM-ID has them: CC1 to CC4, SERVICE1 ...
	Width, Height    int      // as displayed
	FPS              float64
	Bandwidth        int // peak of any segment so far, bits/s
	AverageBandwidth int // bits/s
}

// Kinds of rendition.
const (
	KindAV    = "av"
	KindVideo = "video"
	KindAudio = "audio"
)

// PartSubject is the log subject of a rendition.
func PartSubject(sid, rendition string) string { return subjectHLS + sid + "." + rendition }

// partsLog is the parts log, which has the posters too.
type partsLog struct{ c *conn.Conn }

// PublishPart stores a part. after is the log number of the rendition's
// message before it (0: there is none): if that is not so, nothing is stored
// and the error is ErrFenced. One part of a rendition at a time; call again
// with the same part and the same after when the bus was away.
func (l partsLog) PublishPart(ctx context.Context, p *Part, after uint64) (seq uint64, err error) {
	m, err := p.message()
	if err != nil {
		return 0, err
	}
	ctx, done := l.c.Bound(ctx)
	defer done()
	ack, err := l.c.JetStream().PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(after), jetstream.WithRetryAttempts(0))
	if err == nil {
		return ack.Sequence, nil
	}
	if conn.Conflict(err) {
		// Was it we who wrote it, and only the ack was lost?
		last, err := l.LastPart(ctx, p.SID, p.Rendition)
		for n := 0; n < 20 && (errors.Is(err, ErrNotFound) || err == nil && last.Seq <= after) && sleep.For(ctx, conn.ReplicaLag); n++ {
			last, err = l.LastPart(ctx, p.SID, p.Rendition) // not for long: it may also be that the log lost what it had
		}
		switch {
		case err != nil && !errors.Is(err, ErrNotFound):
			return 0, err // cannot tell: ask again
		case err == nil && last.Seq > after && last.MSN == p.MSN && last.Index == p.Index && last.EOS == p.EOS && bytes.Equal(last.Data, p.Data):
			return last.Seq, nil
		}
		return 0, fmt.Errorf("part %d.%d of %s/%s: %w", p.MSN, p.Index, p.SID, p.Rendition, ErrFenced)
	}
	return 0, l.c.Failed(ctx, err, "store part %d.%d of %s/%s", p.MSN, p.Index, p.SID, p.Rendition)
}

func (p *Part) message() (*nats.Msg, error) {
	h := nats.Header{
		"Msn":   {strconv.FormatUint(p.MSN, 10)},
		"Part":  {strconv.Itoa(p.Index)},
		"Start": {strconv.FormatInt(p.Start, 10)},
		"End":   {strconv.FormatInt(p.End, 10)},
		"Src":   {strconv.FormatUint(p.Source, 10)},
	}
	for key, on := range map[string]bool{"Independent": p.Independent, "Last": p.Last, "Eos": p.EOS} {
		if on {
			h[key] = []string{"1"}
		}
	}
	if p.Resume != nil {
		h["Resume"] = []string{string(p.Resume)}
	}
	data := p.Data
	if p.Segment != nil {
		j, err := json.Marshal(p.Segment)
		if err != nil {
			return nil, fmt.Errorf("encode segment %d: %w", p.MSN, err)
		}
		h["Segment"] = []string{string(j)}
		h["Init"] = []string{strconv.Itoa(len(p.Init))}
		data = append(append(make([]byte, 0, len(p.Init)+len(p.Data)), p.Init...), p.Data...)
	}
	return &nats.Msg{Subject: PartSubject(p.SID, p.Rendition), Header: h, Data: data}, nil
}

func partOf(subject string, seq uint64, h nats.Header, data []byte) (*Part, error) {
	sid, rendition, ok := strings.Cut(strings.TrimPrefix(subject, subjectHLS), ".")
	if !ok {
		return nil, fmt.Errorf("part %d: subject %q", seq, subject)
	}
	hp := headerParser{h: h}
	p := &Part{
		SID: sid, Rendition: rendition, Seq: seq,
		MSN: hp.uint("Msn"), Index: int(hp.int("Part")), Start: hp.int("Start"), End: hp.int("End"), Source: hp.uint("Src"),
		Independent: h.Get("Independent") == "1", Last: h.Get("Last") == "1", EOS: h.Get("Eos") == "1", Data: data, Size: len(data),
	}
	if r := h.Get("Resume"); r != "" {
		p.Resume = json.RawMessage(r)
	}
	headersOnly := false
	if size := h.Get("Nats-Msg-Size"); size != "" {
		headersOnly = true
		p.Size = int(hp.int("Nats-Msg-Size"))
		p.Data = nil
	}
	if s := h.Get("Segment"); s != "" {
		p.Segment = new(Segment)
		if err := json.Unmarshal([]byte(s), p.Segment); err != nil {
			return nil, fmt.Errorf("part %d of %s: %w", seq, subject, err)
		}
		n := int(hp.int("Init"))
		if n < 0 || n > p.Size {
			return nil, fmt.Errorf("part %d of %s: an init of %d bytes in a message of %d", seq, subject, n, p.Size)
		}
		p.Size -= n
		if !headersOnly {
			p.Init, p.Data = data[:n:n], data[n:]
		}
	}
	if hp.err == nil && (p.Size < 0 || p.Index < 0) {
		hp.err = fmt.Errorf("size %d, index %d", p.Size, p.Index)
	}
	if hp.err != nil {
		return nil, fmt.Errorf("part %d of %s: %w", seq, subject, hp.err)
	}
	return p, nil
}

// LastPart is the newest message of a rendition, or ErrNotFound.
func (l partsLog) LastPart(ctx context.Context, sid, rendition string) (*Part, error) {
	m, err := conn.Last(ctx, l.c, logHLS, PartSubject(sid, rendition))
	if err != nil {
		return nil, err
	}
	return partOf(m.Subject, m.Sequence, m.Header, m.Data)
}

// GetPart reads one message of the parts log by its number, or ErrNotFound.
func (l partsLog) GetPart(ctx context.Context, seq uint64) (*Part, error) {
	m, err := conn.Get(ctx, l.c, logHLS, seq)
	if err != nil {
		return nil, err
	}
	return partOf(m.Subject, m.Sequence, m.Header, m.Data)
}

// Renditions lists the renditions of a stream that the parts log holds something of.
func (l partsLog) Renditions(ctx context.Context, sid string) ([]string, error) {
	s, err := l.c.Stream(ctx, logHLS)
	if err != nil {
		return nil, err
	}
	ctx, done := l.c.Bound(ctx)
	defer done()
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(PartSubject(sid, "*")))
	if err != nil {
		return nil, l.c.Failed(ctx, err, "list renditions of %s", sid)
	}
	var names []string
	for subject := range info.State.Subjects {
		names = append(names, strings.TrimPrefix(subject, PartSubject(sid, "")))
	}
	return names, nil
}

// PartReader follows the parts log of one stream, all renditions.
type PartReader struct{ f *conn.Reader }

// FollowParts reads a stream's parts in the log's order from number from on
// (0: the oldest there is). With headersOnly Init and Data stay nil.
func (l partsLog) FollowParts(ctx context.Context, sid string, from uint64, headersOnly bool) (*PartReader, error) {
	f, err := conn.Follow(ctx, l.c, logHLS, []string{PartSubject(sid, "*")}, from, headersOnly)
	if err != nil {
		return nil, err
	}
	return &PartReader{f}, nil
}

// Next waits for the next part until ctx ends. pending is how many more the
// log held when this one was sent: 0 at the live edge.
func (r *PartReader) Next(ctx context.Context) (p *Part, pending uint64, err error) {
	m, err := r.f.Next(ctx)
	if err != nil {
		return nil, 0, err
	}
	p, err = partOf(m.Subject, m.Seq, m.Header, m.Data)
	return p, m.Pending, err
}

// Stop ends the reader.
func (r *PartReader) Stop() { r.f.Stop() }

// PutPoster stores a JPEG picture of a stream; size is "large" or "small".
func (l partsLog) PutPoster(ctx context.Context, sid, size string, jpeg []byte) error {
	ctx, done := l.c.Bound(ctx)
	defer done()
	if _, err := l.c.JetStream().Publish(ctx, subjectPoster+sid+"."+size, jpeg); err != nil {
		return l.c.Failed(ctx, err, "store poster of %s", sid)
	}
	return nil
}

// Poster is the newest picture of a stream, or ErrNotFound.
func (l partsLog) Poster(ctx context.Context, sid, size string) (jpeg []byte, seq uint64, err error) {
	m, err := conn.Last(ctx, l.c, logHLS, subjectPoster+sid+"."+size)
	if err != nil {
		return nil, 0, err
	}
	return m.Data, m.Sequence, nil
}
