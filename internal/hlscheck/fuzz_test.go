package hlscheck

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

// FuzzList: what parses comes back the same after being written and parsed again.
func FuzzList(f *testing.F) {
	fake := &fake{start: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)}
	for _, newest := range []int{0, 9, 73, 300, 309} {
		f.Add(fake.listOf(&query{rendition: "low"}, newest).write())
		f.Add(fake.listOf(&query{rendition: "low", skip: true}, newest).write())
	}
	fake.ends = 30
	f.Add(fake.listOf(&query{rendition: "low"}, 309).write())
	f.Add("#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n#EXT-X-GAP\r\n#EXT-X-BITRATE:9\r\n#EXTINF:1.5,a title\r\nx.m4s?q=1\r\n")
	f.Add("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:1,\nx\n")
	f.Add("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART:DURATION=.5,URI=\"a\",GAP=YES,BYTERANGE=\"1@2\"\n#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"b\",BYTERANGE-START=7\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseList(text)
		if err != nil {
			if !errors.Is(err, ErrSyntax) {
				t.Errorf("error %v is no ErrSyntax", err)
			}
			return
		}
		again, err := ParseList(l.write())
		if err != nil {
			t.Fatalf("%v in\n%s", err, l.write())
		}
		if !reflect.DeepEqual(l, again) {
			t.Errorf("%s\nis\n%+v\nthen\n%+v", text, l, again)
		}
		next := l.Next()
		if p, ok := l.Newest(); ok && !p.Before(next) {
			t.Errorf("newest %v, next %v", p, next)
		}
		for i := range l.Segments {
			if s := l.Segment(l.Segments[i].MSN); s != &l.Segments[i] {
				t.Errorf("segment %d is found at another place", l.Segments[i].MSN)
			}
		}
		l.reached(next)
		applied(l, l)
	})
}

// FuzzMaster is FuzzList for master playlists.
func FuzzMaster(f *testing.F) {
	m := &Master{Version: 9, Independent: true, Media: []MediaTag{{Type: "AUDIO", Group: "a", Name: "Sound", URI: "a/b.m3u8", Default: true}}}
	m.Variants = []Variant{{URI: "x.m3u8", Bandwidth: 5, Average: 4, Codecs: []string{"avc1.4d401f", "mp4a.40.2"}, Width: 16, Height: 9, FrameRate: 29.97, Audio: "a"}, {URI: "y"}}
	f.Add(m.write())
	f.Add("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,X=\"a,b\"\nhttp://a/b?c\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMaster(text)
		if err != nil {
			if !errors.Is(err, ErrSyntax) {
				t.Errorf("error %v is no ErrSyntax", err)
			}
			return
		}
		again, err := ParseMaster(m.write())
		if err != nil {
			t.Fatalf("%v in\n%s", err, m.write())
		}
		if !reflect.DeepEqual(m, again) {
			t.Errorf("%s\nis\n%+v\nthen\n%+v", text, m, again)
		}
		m.uris()
	})
}

// FuzzMedia: what parses keeps within its bytes, in time order per run.
func FuzzMedia(f *testing.F) {
	all, err := clips()
	if err != nil {
		f.Fatalf("make the test's media: %v; install ffmpeg", err)
	}
	for _, c := range all {
		f.Add(c.init(f, false), c.part(f, 3, 0, 10, nil))
		f.Add(c.init(f, true), c.part(f, 3, 4, 0, nil))
	}
	f.Fuzz(func(t *testing.T, init, media []byte) {
		in, err := ParseInit(init)
		if err != nil {
			if !errors.Is(err, ErrMedia) {
				t.Errorf("error %v is no ErrMedia", err)
			}
			return
		}
		m, err := ParseMedia(media, in)
		if err != nil {
			if !errors.Is(err, ErrMedia) {
				t.Errorf("error %v is no ErrMedia", err)
			}
			return
		}
		for _, r := range m.Tracks {
			for i := range r.Samples {
				if r.Samples[i].Size > len(media) {
					t.Errorf("a sample of %d bytes in %d", r.Samples[i].Size, len(media))
				}
			}
			if len(r.Samples) > 0 {
				r.Span()
			}
		}
		trueDuration(m, time.Second)
	})
}
