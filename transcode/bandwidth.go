package transcode

// bandwidth measures a rendition. It is carried in Resume, so that a new worker goes on.
type bandwidth struct {
	Peak     int    `json:"peak"`      // of any run of segments that counts (RFC 8216bis 4.4.6.2), bits/s
	Bytes    int64  `json:"bytes"`     // of whole segments
	Millis   int64  `json:"millis"`    // of whole segments
	SegBytes int64  `json:"seg_bytes"` // of the open segment
	SegStart int64  `json:"seg_start"` // ms
	SegEnd   int64  `json:"seg_end"`   // of its newest part, ms; SegStart when none is open
	Recent   []span `json:"recent"`    // the newest whole segments, those that a run can begin with
}

// span is what a segment takes.
type span struct {
	Bytes  int64 `json:"b"`
	Millis int64 `json:"ms"`
}

// add takes a part's size in bytes. target is TARGETDURATION in seconds.
func (b *bandwidth) add(p fragment, size, target int) {
	if p.index == 0 {
		b.close(target) // one that was left unfinished is listed all the same
		b.SegBytes, b.SegStart = 0, p.start
	}
	b.SegBytes, b.SegEnd = b.SegBytes+int64(size), p.end
	if p.last {
		b.close(target)
	}
}

// close takes the open segment, if there is one, into the peak: it is that of
// any run of segments of half a target duration to one and a half. A rest
// before a discontinuity says nothing of the rate by itself, but with its
// neighbours it does.
func (b *bandwidth) close(seconds int) {
	s, target := span{b.SegBytes, b.SegEnd - b.SegStart}, int64(seconds)*1000
	if s.Millis <= 0 {
		return
	}
	b.SegBytes, b.SegStart = 0, b.SegEnd
	b.Bytes += s.Bytes
	b.Millis += s.Millis
	b.Recent = append(b.Recent, s)
	var run span
	for i := len(b.Recent) - 1; i >= 0; i-- {
		run.Bytes, run.Millis = run.Bytes+b.Recent[i].Bytes, run.Millis+b.Recent[i].Millis
		if 2*run.Millis > 3*target {
			b.Recent = append([]span(nil), b.Recent[i+1:]...)
			break
		}
		if 2*run.Millis >= target {
			b.Peak = max(b.Peak, int(run.Bytes*8000/run.Millis))
		}
	}
}

// rates are the peak and the average, or what is expected as long as no segment is whole.
func (b *bandwidth) rates(expected int) (peak, average int) {
	if b.Millis == 0 {
		return expected, expected
	}
	average = int(b.Bytes * 8000 / b.Millis)
	return max(b.Peak, average), average
}
