package bus

import (
	"errors"
	"testing"
)

// A stream's last sign of life is the newest of what either log has of it.
func TestLastStored(t *testing.T) {
	srv := testServer(t)
	b := testBus(t, srv)
	if _, err := b.LastStored(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := b.PublishPart(t.Context(), &Part{SID: "a", Rendition: "720p", Data: []byte("x")}, 0); err != nil {
		t.Fatal(err)
	}
	part, err := b.LastStored(t.Context(), "a")
	if err != nil || part.IsZero() {
		t.Fatal(part, err)
	}
	if _, err := b.PublishChunk(t.Context(), &Chunk{SID: "a", Tags: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if chunk, err := b.LastStored(t.Context(), "a"); err != nil || !chunk.After(part) {
		t.Errorf("%v after %v: %v", chunk, part, err)
	}
	if _, err := b.LastStored(t.Context(), "b"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
