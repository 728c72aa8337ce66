package transcode

import (
	"crypto/sha256"
	"encoding/hex"
)

// Track numbers and the video track's ticks per second: 90 a millisecond.
const (
	videoTrack     = 1
	audioTrackID   = 2
	videoTimescale = 90000
)

// Sample flags (ISO/IEC 14496-12 8.8.3.1).
const (
	syncSample = 0x02000000 // depends on no other
	diffSample = 0x01010000 // depends on others, is no sync sample
)

// initSegment is the CMAF header of a rendition's tracks; either may be nil.
// It is not over the media's length: it fits a live stream.
func initSegment(v *videoConfig, a *audioConfig) []byte {
	w := &boxWriter{b: make([]byte, 0, 1200)}
	w.box("ftyp", func() {
		w.str("iso6")
		w.u32(0)
		w.str("iso6cmfcmp41")
	})
	w.box("moov", func() {
		w.full("mvhd", 0, 0, func() {
			w.u32(0, 0, 1000, 0, 0x10000)
			w.u16(0x100, 0)
			w.zeros(8)
			w.matrix()
			w.zeros(24)
			w.u32(3)
		})
		if v != nil {
			writeTrak(w, videoTrack, videoTimescale, v, nil)
		}
		if a != nil {
			writeTrak(w, audioTrackID, uint32(a.rate), nil, a)
		}
		w.box("mvex", func() {
			if v != nil {
				w.full("trex", 0, 0, func() { w.u32(videoTrack, 1, 0, 0, diffSample) })
			}
			if a != nil {
				w.full("trex", 0, 0, func() { w.u32(audioTrackID, 1, uint32(a.samples), 0, syncSample) })
			}
		})
	})
	return w.b
}

// initID names an initialization segment by its content.
func initID(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:6])
}

func writeTrak(w *boxWriter, id, timescale uint32, v *videoConfig, a *audioConfig) {
	w.box("trak", func() {
		w.full("tkhd", 0, 7, func() {
			w.u32(0, 0, id, 0, 0, 0, 0)
			volume := uint16(0)
			if a != nil {
				volume = 0x100
			}
			w.u16(0, 0, volume, 0)
			w.matrix()
			if v != nil {
				w.u32(uint32(v.width)<<16, uint32(v.height)<<16)
			} else {
				w.u32(0, 0)
			}
		})
		w.box("mdia", func() {
			w.full("mdhd", 0, 0, func() {
				w.u32(0, 0, timescale, 0)
				w.u16(0x55c4, 0) // und
			})
			w.full("hdlr", 0, 0, func() {
				w.u32(0)
				if v != nil {
					w.str("vide")
				} else {
					w.str("soun")
				}
				w.zeros(13)
			})
			w.box("minf", func() {
				if v != nil {
					w.full("vmhd", 0, 1, func() { w.zeros(8) })
				} else {
					w.full("smhd", 0, 0, func() { w.zeros(4) })
				}
				w.box("dinf", func() {
					w.full("dref", 0, 0, func() {
						w.u32(1)
						w.full("url ", 0, 1, func() {})
					})
				})
				w.box("stbl", func() {
					w.full("stsd", 0, 0, func() {
						w.u32(1)
						if v != nil {
							writeAVC1(w, v)
						} else {
							writeMP4A(w, a)
						}
					})
					for _, empty := range []string{"stts", "stsc", "stco"} {
						w.full(empty, 0, 0, func() { w.u32(0) })
					}
					w.full("stsz", 0, 0, func() { w.u32(0, 0) })
				})
			})
		})
	})
}

func writeAVC1(w *boxWriter, v *videoConfig) {
	w.box("avc1", func() {
		w.zeros(6)
		w.u16(1)
		w.zeros(16)
		w.u16(uint16(v.sps.width), uint16(v.sps.height))
		w.u32(0x480000, 0x480000, 0)
		w.u16(1)
		w.zeros(32)
		w.u16(24, 0xffff)
		w.box("avcC", func() { w.u8(v.record...) })
		if v.sps.sarW != v.sps.sarH {
			w.box("pasp", func() { w.u32(uint32(v.sps.sarW), uint32(v.sps.sarH)) })
		}
	})
}

func writeMP4A(w *boxWriter, a *audioConfig) {
	w.box("mp4a", func() {
		w.zeros(6)
		w.u16(1)
		w.zeros(8)
		w.u16(uint16(max(a.channels, 1)), 16, 0, 0)
		rate := a.rate
		if rate > 0xffff { // 16 bits hold no more; the decoder's configuration has it
			rate = 0
		}
		w.u32(uint32(rate) << 16)
		w.full("esds", 0, 0, func() { // ISO/IEC 14496-1 7.2.6
			n := byte(len(a.record))
			w.u8(3, 23+n, 0, 0, 0)
			w.u8(4, 15+n, 0x40, 0x15, 0, 0, 0)
			w.u32(0, 0)
			w.u8(5, n)
			w.u8(a.record...)
			w.u8(6, 1, 2)
		})
	})
}

// partMedia is what one part holds.
type partMedia struct {
	number     uint32  // of the moof: counts up in a rendition
	video      []frame // decode order
	videoEnd   int64   // DTS after the last video frame, ms
	audio      [][]byte
	audioStart int64 // sample number of the first audio frame
	audioStep  int   // samples of a frame
}

// marshal writes the part as one CMAF chunk: moof and mdat.
func (p *partMedia) marshal() []byte {
	size := 0
	for i := range p.video {
		size += len(p.video[i].data) + 16
	}
	for _, a := range p.audio {
		size += len(a) + 4
	}
	w := &boxWriter{b: make([]byte, 0, size+320)}
	var videoAt, audioAt int // of the data offsets, patched when the moof's size is known
	w.box("moof", func() {
		w.full("mfhd", 0, 0, func() { w.u32(p.number) })
		if len(p.video) > 0 {
			videoAt = p.videoTraf(w)
		}
		if len(p.audio) > 0 {
			audioAt = p.audioTraf(w)
		}
	})
	data := uint32(len(w.b) + 8)
	if videoAt > 0 {
		w.patch(videoAt, data)
	}
	w.box("mdat", func() {
		for i := range p.video {
			w.u8(p.video[i].data...)
		}
		if audioAt > 0 {
			w.patch(audioAt, uint32(len(w.b)))
		}
		for _, a := range p.audio {
			w.u8(a...)
		}
	})
	return w.b
}

func (p *partMedia) videoTraf(w *boxWriter) (offsetAt int) {
	w.box("traf", func() {
		w.full("tfhd", 0, 0x020000, func() { w.u32(videoTrack) })
		w.full("tfdt", 1, 0, func() { w.u64(uint64(p.video[0].dts * 90)) })
		w.full("trun", 1, 0x000f01, func() {
			w.u32(uint32(len(p.video)))
			offsetAt = len(w.b)
			w.u32(0)
			for i := range p.video {
				f := &p.video[i]
				end := p.videoEnd
				if i+1 < len(p.video) {
					end = p.video[i+1].dts
				}
				flags := uint32(diffSample)
				if f.key {
					flags = syncSample
				}
				w.u32(uint32((end-f.dts)*90), uint32(len(f.data)), flags, uint32(int32(f.pts-f.dts)*90))
			}
		})
	})
	return offsetAt
}

func (p *partMedia) audioTraf(w *boxWriter) (offsetAt int) {
	w.box("traf", func() {
		w.full("tfhd", 0, 0x020008, func() { w.u32(audioTrackID, uint32(p.audioStep)) })
		w.full("tfdt", 1, 0, func() { w.u64(uint64(p.audioStart)) })
		w.full("trun", 1, 0x000201, func() {
			w.u32(uint32(len(p.audio)))
			offsetAt = len(w.b)
			w.u32(0)
			for _, a := range p.audio {
				w.u32(uint32(len(a)))
			}
		})
	})
	return offsetAt
}
