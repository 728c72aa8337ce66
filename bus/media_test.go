package bus

import (
	"errors"
	"reflect"
	"testing"

	"github.com/nats-io/nats.go"
)

// A chunk is stored once however often it is sent, and comes back as it was.
func TestChunkRoundTrip(t *testing.T) {
	b := testBus(t, testServer(t))
	if _, err := b.LastChunk(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	want := &Chunk{SID: "a", Session: "s", Epoch: 1, N: 3, DTS: 1 << 33, Wall: 1767225600000, Key: true}
	want.Tags = AppendTag(AppendTag(nil, Tag{Type: TagAudio, TS: 5, Data: []byte("\xaf\x01A")}), Tag{Type: TagVideo, TS: 40, Data: []byte("\x17\x01\x00\x00\x00N")})
	seq, err := b.PublishChunk(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.PublishChunk(t.Context(), want); err != nil || again != seq {
		t.Fatalf("sent again: %d, %v; want %d", again, err, seq)
	}
	want.Seq = seq
	got, err := b.LastChunk(t.Context(), "a")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\n got %+v\nwant %+v", err, got, want)
	}
	var clocks []int64
	if err := got.EachTag(func(_ Tag, clock int64) error { clocks = append(clocks, clock); return nil }); err != nil || !reflect.DeepEqual(clocks, []int64{1<<33 + 5, 1<<33 + 40}) {
		t.Fatal(clocks, err)
	}
	enough := errors.New("enough")
	if err := got.EachTag(func(Tag, int64) error { return enough }); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	got.Tags = got.Tags[:len(got.Tags)-1]
	if err := got.EachTag(func(Tag, int64) error { return nil }); !errors.Is(err, ErrFLV) {
		t.Fatal(err)
	}
}

// A name's sessions are told apart whatever the clocks say.
func TestChunkOfSession(t *testing.T) {
	for _, c := range []struct {
		c    Chunk
		want bool
	}{
		{Chunk{Session: "s1", Wall: 5000}, false}, // the clock was set back since
		{Chunk{Session: "s2", Wall: 900}, true},   // the publisher's first picture came late
		{Chunk{Wall: 999}, false},
		{Chunk{Wall: 1000}, true},
	} {
		if got := c.c.Of("s2", 1000); got != c.want {
			t.Errorf("%+v: %v", c.c, got)
		}
	}
}

// Whatever a message of the media log holds, reading it gives a chunk or an error.
func FuzzChunkOf(f *testing.F) {
	f.Add("1", "2", "-3", "1767225600000", AppendTag(nil, Tag{Type: TagAudio, Data: []byte("\xaf\x01A")}))
	f.Add("", "-1", "9223372036854775808", "x", []byte("x"))
	f.Fuzz(func(t *testing.T, epoch, n, dts, wall string, tags []byte) {
		c, err := chunkOf("a", 1, nats.Header{"Epoch": {epoch}, "N": {n}, "Dts": {dts}, "Wall": {wall}}, tags)
		if err != nil {
			return
		}
		if err := c.EachTag(func(Tag, int64) error { return nil }); err != nil && !errors.Is(err, ErrFLV) {
			t.Fatal(err)
		}
	})
}
