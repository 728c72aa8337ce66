package transcode

// bandwidth measures a rendition. It is carried in Resume, so that a new worker goes on.
type bandwidth struct {
	Peak     int   `json:"peak"`      // of a whole segment so far, bits/s
	Bytes    int64 `json:"bytes"`     // of whole segments
	Millis   int64 `json:"millis"`    // of whole segments
	SegBytes int64 `json:"seg_bytes"` // of the open segment
	SegStart int64 `json:"seg_start"` // ms
}

func (b *bandwidth) add(p cell, size int) {
	if p.index == 0 {
		b.SegBytes, b.SegStart = 0, p.start
	}
	b.SegBytes += int64(size)
	if d := p.end - b.SegStart; p.last && d > 0 {
		b.Bytes += b.SegBytes
		b.Millis += d
		if d >= 500 { // a rest before a discontinuity says nothing of the rate
			b.Peak = max(b.Peak, int(b.SegBytes*8000/d))
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
