package bus

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
)

// Chunk is one message of the media log: about 100 ms of a publisher's media.
//
// What ingest promises and transcode relies on:
//   - Tags is whole FLV tags back to back, their times on the stream clock:
//     milliseconds since StreamRecord.StartedAt, strictly rising per track over all
//     epochs, in an epoch never more than 1 s between one tag and the next of the
//     whole stream (longer pauses are cut out; where a track trails, those longer by
//     that). Tags of both tracks are in the order of their times, but for half a
//     second; where a track only begins to trail, pictures but for 1.4 s, sound for 5 s.
//     A name's sessions each have a clock: see to whose a chunk is (Of).
//   - A chunk with Key starts with everything a decoder needs, in this order:
//     the onMetaData script tag if there is one, the video and the audio
//     configuration if there are any, then a video key frame. Without video
//     every second or so of audio is a Key chunk.
//   - Wall changes with a Key chunk only: by 1 ms at most in 4 s, which players
//     do not mind, or by WallStep or more, after a pause that was cut out or
//     with a new epoch. There the next segment begins with a discontinuity.
//   - N counts up by one in an epoch, from 0. After trouble on the bus chunks
//     may come twice: skip those with (Epoch, N) not above the last. A bus that
//     was away for longer than ingest's ring holds costs media: N has a gap
//     then, the clock too, and a Key chunk follows.
type Chunk struct {
	SID     string
	Session string // StreamRecord.Session; empty in chunks of an older version
	Epoch   int    // counts the publisher's connections, from 0
	N       uint64 // number of the chunk in its epoch
	Seq     uint64 // its number in the log, on reading
	DTS     int64  // stream clock of the first tag, ms
	Wall    int64  // unix ms of stream clock 0 as of this chunk, for EXT-X-PROGRAM-DATE-TIME
	Key     bool
	Tags    []byte
}

// WallStep is the least by which Chunk.Wall changes, in ms, where the date does
// not go on with the media.
const WallStep = 500

// Of says whether the chunk is of a session, which started at a unix time in ms.
func (c *Chunk) Of(session string, started int64) bool {
	if c.Session == "" { // told apart by the time of day then
		return c.Wall >= started
	}
	return c.Session == session
}

// EachTag calls f with every tag of the chunk and its stream clock. The tag's
// data points into the chunk. It stops at the first error, f's or its own.
func (c *Chunk) EachTag(f func(t Tag, clock int64) error) error {
	for b := c.Tags; len(b) > 0; {
		t, rest, err := NextTag(b)
		if err != nil {
			return err
		}
		if err := f(t, t.Clock(c.DTS)); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// mediaLog is the media log.
type mediaLog struct{ c *conn.Conn }

// PublishChunk stores a chunk and returns its number in the log when it is
// stored. Call it again with the same chunk until it succeeds: it is stored
// once. Chunks of a stream must go one after the other.
func (l mediaLog) PublishChunk(ctx context.Context, c *Chunk) (seq uint64, err error) {
	m := &nats.Msg{Subject: subjectMedia + c.SID, Data: c.Tags, Header: nats.Header{
		nats.MsgIdHdr: {c.SID + "/" + c.Session + "/" + strconv.FormatInt(c.Wall, 36) + "/" + strconv.Itoa(c.Epoch) + "/" + strconv.FormatUint(c.N, 10)},
		"Epoch":       {strconv.Itoa(c.Epoch)},
		"N":           {strconv.FormatUint(c.N, 10)},
		"Dts":         {strconv.FormatInt(c.DTS, 10)},
		"Wall":        {strconv.FormatInt(c.Wall, 10)},
	}}
	if c.Session != "" {
		m.Header["Session"] = []string{c.Session}
	}
	if c.Key {
		m.Header["Key"] = []string{"1"}
	}
	ctx, done := l.c.Bound(ctx)
	defer done()
	ack, err := l.c.JetStream().PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	if err != nil {
		return 0, l.c.Failed(ctx, err, "store media of %s", c.SID)
	}
	return ack.Sequence, nil
}

// LastChunk is the newest stored chunk of a stream, or ErrNotFound.
func (l mediaLog) LastChunk(ctx context.Context, sid string) (*Chunk, error) {
	m, err := conn.Last(ctx, l.c, logMedia, subjectMedia+sid)
	if err != nil {
		return nil, err
	}
	return chunkOf(sid, m.Sequence, m.Header, m.Data)
}

// GetChunk reads one message of the media log by its number, or ErrNotFound.
func (l mediaLog) GetChunk(ctx context.Context, seq uint64) (*Chunk, error) {
	m, err := conn.Get(ctx, l.c, logMedia, seq)
	if err != nil {
		return nil, err
	}
	return chunkOf(strings.TrimPrefix(m.Subject, subjectMedia), m.Sequence, m.Header, m.Data)
}

// MediaReader follows the media log of one stream.
type MediaReader struct {
	sid string
	f   *conn.Reader
}

// FollowMedia reads a stream's chunks from the log number from on (0: from
// the oldest there is; a number that is gone: from the next one there is).
// It survives restarts of the server and losses of the log. Stop it.
func (l mediaLog) FollowMedia(ctx context.Context, sid string, from uint64) (*MediaReader, error) {
	f, err := conn.Follow(ctx, l.c, logMedia, []string{subjectMedia + sid}, from, false)
	if err != nil {
		return nil, err
	}
	return &MediaReader{sid, f}, nil
}

// Next waits for the next chunk until ctx ends. A message that does not parse is an error.
func (r *MediaReader) Next(ctx context.Context) (*Chunk, error) {
	m, err := r.f.Next(ctx)
	if err != nil {
		return nil, err
	}
	return chunkOf(r.sid, m.Seq, m.Header, m.Data)
}

// Stop ends the reader.
func (r *MediaReader) Stop() { r.f.Stop() }

func chunkOf(sid string, seq uint64, h nats.Header, data []byte) (*Chunk, error) {
	p := headerParser{h: h}
	c := &Chunk{
		SID: sid, Session: h.Get("Session"), Seq: seq, Epoch: int(p.int("Epoch")), N: p.uint("N"), DTS: p.int("Dts"), Wall: p.int("Wall"),
		Key: h.Get("Key") == "1", Tags: data,
	}
	if p.err != nil {
		return nil, fmt.Errorf("media message %d of %s: %w", seq, sid, p.err)
	}
	return c, nil
}
