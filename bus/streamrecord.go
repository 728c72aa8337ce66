package bus

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
)

// States of a stream.
const (
	StateLive  = "live"  // a publisher sends
	StateGrace = "grace" // the publisher is gone and may come back within the grace time
	StateEnded = "ended"
)

// StreamRecord is the record of one stream, kept under its sid. Ingest writes all of
// it but NextMSN and Discontinuities, which are transcode's.
type StreamRecord struct {
	SID     string `json:"sid"`
	Name    string `json:"name"`
	App     string `json:"app"` // the RTMP app; it names the transcoder's profile
	State   string `json:"state"`
	Session string `json:"session"` // a new one for each stream that is not a return within the grace time
	Epoch   int    `json:"epoch"`   // counts the publisher's connections in the session, from 0
	Ingest  string `json:"ingest"`  // Bus.ID of the ingest worker that holds the publisher

	StartedAt int64  `json:"started_at"`           // unix ms; 0 of the stream clock
	PausedAt  int64  `json:"paused_at,omitempty"`  // unix ms, in StateGrace
	Grace     int64  `json:"grace,omitempty"`      // in StateGrace: ms from PausedAt until the stream ends
	EndedAt   int64  `json:"ended_at,omitempty"`   // unix ms, in StateEnded
	LastMedia uint64 `json:"last_media,omitempty"` // in StateGrace and StateEnded: log number of the last chunk, 0 if the log lost it
	Reason    string `json:"reason,omitempty"`     // in StateGrace and StateEnded: why, for people

	KeyID  string `json:"key_id,omitempty"` // which stream key published
	Client string `json:"client,omitempty"` // the publisher's software, as it says

	VideoCodec string  `json:"video_codec,omitempty"` // a name of codec.go, or empty
	Width      int     `json:"width,omitempty"`
	Height     int     `json:"height,omitempty"`
	FPS        float64 `json:"fps,omitempty"`         // as announced; 0 unknown
	AudioCodec string  `json:"audio_codec,omitempty"` // the same

	SoundTrails int64 `json:"sound_trails,omitempty"` // by how much the sound comes later than the picture of the same time, ms; less than 0: the picture does
	ClocksApart bool  `json:"clocks_apart,omitempty"` // the publisher's tracks have clocks of their own: they are put together as they come

	// Untold are the facts that nobody is known to have published, the oldest
	// first. Who changes the record adds what follows from that in the same
	// write; who has published them takes them off.
	Untold []StreamFact `json:"untold,omitempty"`
	// Told is the state in which all was published. Versions without Untold go by
	// it. Nil in records of before there was this field.
	Told *Told `json:"told,omitempty"`

	NextMSN         uint64 `json:"next_msn"`                  // no segment of this name ever had this media sequence number or a higher one
	Discontinuities uint64 `json:"discontinuities,omitempty"` // no segment of this name ever had a higher discontinuity sequence number
}

// Told names a state of a stream's record. The zero value is none.
type Told struct {
	Session string `json:"session"`
	Epoch   int    `json:"epoch"`
	State   string `json:"state"`
}

// Now is the state that the record is in.
func (l *StreamRecord) Now() Told { return Told{l.Session, l.Epoch, l.State} }

// streamRecords are the bucket of the streams.
type streamRecords struct{ c *conn.Conn }

// GetStreamRecord reads a stream's record, or ErrNotFound.
func (rs streamRecords) GetStreamRecord(ctx context.Context, sid string) (*StreamRecord, error) {
	l, _, err := conn.ReadRecord[StreamRecord](ctx, rs.c, bucketLive, sid, "stream "+sid)
	return l, err
}

// UpdateStreamRecord changes a stream's record by compare-and-set: f gets the record
// as it is (with only SID set when there is none) and may be called several
// times. An error of f ends it and is returned as it is. On ErrAway the
// record may have been written or not.
func (rs streamRecords) UpdateStreamRecord(ctx context.Context, sid string, f func(*StreamRecord) error) (*StreamRecord, error) {
	l, _, err := conn.ChangeRecord(ctx, rs.c, bucketLive, sid, "stream "+sid, func(l *StreamRecord) (*StreamRecord, error) {
		if l == nil {
			l = &StreamRecord{SID: sid}
		}
		if err := f(l); err != nil {
			return nil, err
		}
		return l, nil
	})
	return l, err
}

// DeleteStreamRecord forgets a stream whose record f agrees to: it gets the record as
// it is, and may be called several times. An error of f is returned as it is,
// and leaves the record. One that is gone already is no error.
func (rs streamRecords) DeleteStreamRecord(ctx context.Context, sid string, f func(*StreamRecord) error) error {
	kv, err := rs.c.Bucket(ctx, bucketLive)
	if err != nil {
		return err
	}
	for {
		l, rev, err := conn.ReadRecord[StreamRecord](ctx, rs.c, bucketLive, sid, "stream "+sid)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(l); err != nil {
			return err
		}
		bctx, done := rs.c.Bound(ctx)
		err = kv.Purge(bctx, sid, jetstream.LastRevision(rev))
		done()
		switch {
		case err == nil:
			return nil
		case !conn.Conflict(err) || ctx.Err() != nil:
			return rs.c.Failed(ctx, err, "forget stream %s", sid)
		}
	}
}

// StreamRecords reads all records there are.
func (rs streamRecords) StreamRecords(ctx context.Context) ([]*StreamRecord, error) {
	entries, err := conn.Entries(ctx, rs.c, bucketLive)
	if err != nil {
		return nil, err
	}
	all := []*StreamRecord{}
	for _, e := range entries {
		if l := streamRecordOf(e); l != nil && l.State != "" {
			all = append(all, l)
		}
	}
	return all, nil
}

// WatchStreamRecords calls f with every record there is and then with every change,
// until ctx ends. A record that was forgotten comes with only SID set. After
// a lost connection all records come again.
func (rs streamRecords) WatchStreamRecords(ctx context.Context, f func(*StreamRecord)) error {
	return conn.Watch(ctx, rs.c, bucketLive, conn.Seen{Entry: func(e jetstream.KeyValueEntry) {
		if l := streamRecordOf(e); l != nil {
			f(l)
		}
	}})
}

// streamRecordOf is the record of an entry; with only SID set when it was forgotten,
// nil when it does not parse.
func streamRecordOf(e jetstream.KeyValueEntry) *StreamRecord {
	l := &StreamRecord{}
	if e.Operation() == jetstream.KeyValuePut && json.Unmarshal(e.Value(), l) != nil {
		return nil
	}
	l.SID = e.Key()
	return l
}
