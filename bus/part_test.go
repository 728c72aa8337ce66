package bus

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
)

func fullPart() *Part {
	return &Part{
		SID: "a=20b", Rendition: "720p", MSN: 1 << 40, Index: 0, Start: 4000, End: 4200, Independent: true, Last: true,
		Segment: &Segment{
			Session: "S", Epoch: 2, PDT: 1767225600000, Discontinuity: true, DiscontinuitySeq: 3, InitID: "i1", Target: 4, PartTarget: 200,
			Order: 1, Kind: KindAV, Label: "a\nlabel: with\r\nlines", Codecs: "avc1.4d401f,mp4a.40.2", Width: 1280, Height: 720, FPS: 29.97, Bandwidth: 2500000, AverageBandwidth: 2000000,
		},
		Init: []byte("ftypmoov"), Data: []byte("moofmdat"), Size: 8, Source: 7, Resume: json.RawMessage(`{"x":1}`),
	}
}

// A part whose acknowledgement was lost is given again: it is found, and is not stored
// twice. One that another wrote there is not taken for it.
func TestPartWhoseAckWasLost(t *testing.T) {
	b := testBus(t, testServer(t))
	first := fullPart()
	after, err := b.PublishPart(t.Context(), first, 0)
	if err != nil {
		t.Fatal(err)
	}
	next := &Part{SID: first.SID, Rendition: first.Rendition, MSN: first.MSN + 1, Index: 1, Data: []byte("moof")}
	seq, err := b.PublishPart(t.Context(), next, after)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if again, err := b.PublishPart(t.Context(), next, after); err != nil || again != seq {
			t.Errorf("given again: message %d, %v, was %d", again, err, seq)
		}
	}
	for what, change := range map[string]func(p *Part){
		"other bytes":      func(p *Part) { p.Data = []byte("mdat") },
		"another part":     func(p *Part) { p.Index++ },
		"another segment":  func(p *Part) { p.MSN++ },
		"the stream's end": func(p *Part) { p.EOS = true },
	} {
		p := *next
		change(&p)
		if _, err := b.PublishPart(t.Context(), &p, after); !errors.Is(err, ErrFenced) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if last, err := b.LastPart(t.Context(), first.SID, first.Rendition); err != nil || last.Seq != seq {
		t.Errorf("the last message is %v, %v, not %d", last, err, seq)
	}
}

// A part comes back as it was stored, in every way of reading it.
func TestPartRoundTrip(t *testing.T) {
	b := testBus(t, testServer(t))
	want := fullPart()
	var err error
	if want.Seq, err = b.PublishPart(t.Context(), want, 0); err != nil {
		t.Fatal(err)
	}
	same := func(how string, got *Part, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", how, err, got, want)
		}
	}
	last, err := b.LastPart(t.Context(), want.SID, want.Rendition)
	same("last", last, err)
	got, err := b.GetPart(t.Context(), want.Seq)
	same("get", got, err)
	r, err := b.FollowParts(t.Context(), want.SID, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	got, pending, err := r.Next(t.Context())
	same("follow", got, err)
	if pending != 0 {
		t.Errorf("%d pending", pending)
	}
	heads, err := b.FollowParts(t.Context(), want.SID, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	defer heads.Stop()
	got, _, err = heads.Next(t.Context())
	want.Init, want.Data = nil, nil
	same("headers only", got, err)

	end := &Part{SID: want.SID, Rendition: "480p", MSN: 9, EOS: true}
	if _, err := b.PublishPart(t.Context(), end, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := b.LastPart(t.Context(), end.SID, end.Rendition); err != nil || !got.EOS || got.Size != 0 {
		t.Errorf("end of stream: %+v, %v", got, err)
	}
	names, err := b.Renditions(t.Context(), want.SID)
	slices.Sort(names)
	if err != nil || !slices.Equal(names, []string{"480p", "720p"}) {
		t.Errorf("renditions %v, %v", names, err)
	}
	if _, err := b.LastPart(t.Context(), "other", "720p"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such stream: %v", err)
	}
	if _, err := b.GetPart(t.Context(), 999); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such part: %v", err)
	}
	if names, err := b.Renditions(t.Context(), "other"); err != nil || len(names) != 0 {
		t.Errorf("no such stream: %v, %v", names, err)
	}
}

func TestPoster(t *testing.T) {
	b := testBus(t, testServer(t))
	if _, _, err := b.Poster(t.Context(), "a", "large"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	for _, picture := range []string{"one", "two"} {
		if err := b.PutPoster(t.Context(), "a", "large", []byte(picture)); err != nil {
			t.Fatal(err)
		}
	}
	if jpeg, seq, err := b.Poster(t.Context(), "a", "large"); err != nil || string(jpeg) != "two" || seq == 0 {
		t.Fatal(string(jpeg), seq, err)
	}
}

// Whatever a message of the parts log holds, reading it gives a part or an error.
func FuzzPartOf(f *testing.F) {
	m, err := fullPart().message()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Subject, m.Header.Get("Msn"), m.Header.Get("Part"), m.Header.Get("Segment"), m.Header.Get("Init"), "", m.Data)
	f.Add("hls.a.b", "1", "2", "", "", "17", []byte(nil))
	f.Add("hls.a", "-1", "x", "null", "-5", "-9", []byte("x"))
	f.Add("hls.a.b", "1", "2", "{}", "18446744073709551615", "", []byte("x"))
	f.Fuzz(func(t *testing.T, subject, msn, index, segment, initLen, size string, data []byte) {
		h := nats.Header{"Msn": {msn}, "Part": {index}, "Start": {"0"}, "End": {"0"}, "Src": {"0"}}
		for key, v := range map[string]string{"Segment": segment, "Init": initLen, "Nats-Msg-Size": size} {
			if v != "" {
				h[key] = []string{v}
			}
		}
		p, err := partOf(subject, 1, h, data)
		if err != nil {
			return
		}
		if size == "" && len(p.Init)+len(p.Data) != len(data) {
			t.Fatalf("%d bytes of init and %d of data in a message of %d", len(p.Init), len(p.Data), len(data))
		}
		if size == "" && p.Size != len(p.Data) || size != "" && p.Data != nil {
			t.Fatalf("size %d, data %d", p.Size, len(p.Data))
		}
	})
}
