package cmaf

// Chunk is the media of one CMAF chunk (ISO/IEC 23000-19): some
// frames of a video track, of an audio track, or of both.
type Chunk struct {
	Number       uint32  // mfhd sequence_number: counts up in a rendition
	Video        []Frame // decode order
	VideoEnd     int64   // DTS after the last video frame, ms
	Audio        [][]byte
	AudioStart   int64 // sample number of the first audio frame
	FrameSamples int   // samples of a frame
}

// Marshal writes the chunk: moof and mdat.
func (p *Chunk) Marshal() []byte {
	size := 0
	for i := range p.Video {
		size += len(p.Video[i].Data) + 16
	}
	for _, a := range p.Audio {
		size += len(a) + 4
	}
	w := &boxWriter{b: make([]byte, 0, size+320)}
	var videoAt, audioAt int // of the data offsets, patched when the moof's size is known
	w.box("moof", func() {
		w.full("mfhd", 0, 0, func() { w.u32(p.Number) })
		if len(p.Video) > 0 {
			videoAt = p.videoTraf(w)
		}
		if len(p.Audio) > 0 {
			audioAt = p.audioTraf(w)
		}
	})
	data := uint32(len(w.b) + 8)
	if videoAt > 0 {
		w.patch(videoAt, data)
	}
	w.box("mdat", func() {
		for i := range p.Video {
			w.u8(p.Video[i].Data...)
		}
		if audioAt > 0 {
			w.patch(audioAt, uint32(len(w.b)))
		}
		for _, a := range p.Audio {
			w.u8(a...)
		}
	})
	return w.b
}

func (p *Chunk) videoTraf(w *boxWriter) (offsetAt int) {
	w.box("traf", func() {
		w.full("tfhd", 0, 0x020000, func() { w.u32(videoTrack) })
		w.full("tfdt", 1, 0, func() { w.u64(uint64(p.Video[0].DTS * 90)) })
		w.full("trun", 1, 0x000f01, func() {
			w.u32(uint32(len(p.Video)))
			offsetAt = len(w.b)
			w.u32(0)
			for i := range p.Video {
				f := &p.Video[i]
				end := p.VideoEnd
				if i+1 < len(p.Video) {
					end = p.Video[i+1].DTS
				}
				flags := uint32(diffSample)
				if f.Key {
					flags = syncSample
				}
				w.u32(uint32((end-f.DTS)*90), uint32(len(f.Data)), flags, uint32(int32(f.PTS-f.DTS)*90))
			}
		})
	})
	return offsetAt
}

func (p *Chunk) audioTraf(w *boxWriter) (offsetAt int) {
	w.box("traf", func() {
		w.full("tfhd", 0, 0x020008, func() { w.u32(audioTrackID, uint32(p.FrameSamples)) })
		w.full("tfdt", 1, 0, func() { w.u64(uint64(p.AudioStart)) })
		w.full("trun", 1, 0x000201, func() {
			w.u32(uint32(len(p.Audio)))
			offsetAt = len(w.b)
			w.u32(0)
			for _, a := range p.Audio {
				w.u32(uint32(len(a)))
			}
		})
	})
	return offsetAt
}
