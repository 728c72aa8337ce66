package cmaf

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

// InitSegment is the CMAF header (ISO/IEC 23000-19) of a rendition's tracks: ftyp and moov. Either
// configuration may be nil. It does not tell the media's length, which a live stream does not know.
func InitSegment(v *VideoConfig, a *AudioConfig) []byte {
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
			writeTrak(w, audioTrackID, uint32(a.Rate), nil, a)
		}
		w.box("mvex", func() {
			if v != nil {
				w.full("trex", 0, 0, func() { w.u32(videoTrack, 1, 0, 0, diffSample) })
			}
			if a != nil {
				w.full("trex", 0, 0, func() { w.u32(audioTrackID, 1, uint32(a.FrameSamples), 0, syncSample) })
			}
		})
	})
	return w.b
}

// InitID names an initialization segment by its content: 12 hexadecimal digits.
func InitID(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:6])
}

func writeTrak(w *boxWriter, id, timescale uint32, v *VideoConfig, a *AudioConfig) {
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
				w.u32(uint32(v.Width)<<16, uint32(v.Height)<<16)
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
							writeVideo(w, v)
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

// writeVideo writes the sample entry of pictures.
func writeVideo(w *boxWriter, v *VideoConfig) {
	w.box(string(v.Coding), func() {
		w.zeros(6)
		w.u16(1)
		w.zeros(16)
		w.u16(uint16(v.pixelsX), uint16(v.pixelsY))
		w.u32(0x480000, 0x480000, 0)
		w.u16(1)
		w.zeros(32)
		w.u16(24, 0xffff)
		w.box(map[Coding]string{AVC: "avcC", HEVC: "hvcC", AV1: "av1C"}[v.Coding], func() { w.u8(v.Record...) })
		if v.sarWidth != v.sarHeight {
			w.box("pasp", func() { w.u32(uint32(v.sarWidth), uint32(v.sarHeight)) })
		}
	})
}

func writeMP4A(w *boxWriter, a *AudioConfig) {
	w.box("mp4a", func() {
		w.zeros(6)
		w.u16(1)
		w.zeros(8)
		w.u16(uint16(max(a.channels, 1)), 16, 0, 0)
		rate := a.Rate
		if rate > 0xffff { // 16 bits hold no more; the decoder's configuration has it
			rate = 0
		}
		w.u32(uint32(rate) << 16)
		w.full("esds", 0, 0, func() { // ISO/IEC 14496-1 7.2.6
			n := byte(len(a.Record))
			w.u8(3, 23+n, 0, 0, 0)
			w.u8(4, 15+n, 0x40, 0x15, 0, 0, 0)
			w.u32(0, 0)
			w.u8(5, n)
			w.u8(a.Record...)
			w.u8(6, 1, 2)
		})
	})
}
