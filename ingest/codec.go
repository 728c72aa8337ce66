package ingest

import (
	"bytes"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/internal/avc"
)

// format is what a publisher's stream is made of, as far as it is known.
type format struct {
	script      []byte // body of the onMetaData tag
	codec       string // of the pictures: a name of bus
	video       []byte // body of the tag with the configuration in force, nil: none
	audio       []byte // body of the tag with the AudioSpecificConfig
	width       int
	height      int
	fps         float64
	software    string // what the publisher says it is
	saysNoVideo bool   // the metadata describes a stream without video
	trails      int64  // by how many ms the sound comes after the picture
	apart       bool   // their clocks have nothing to do with each other
	allowed     *allowance
	parameters
}

// parameters are what H.264 says of itself: the configuration of decoders, from tags
// made for that or from the pictures.
type parameters struct {
	header  []byte // body of the newest tag with a configuration, as it was sent
	nalSize int    // bytes of a NAL unit's length, 0: no configuration said
	sps     []byte // what the pictures are of
	sets    avc.Sets
	learned bool   // sets came that the configuration may not have
	lengths bool   // there were pictures of units with lengths alone
	buf     []byte // the last picture that came otherwise
	unread  int    // pieces that were not whole, since the last that was
}

// lengthSize is that of NAL units, in bytes.
func (p *parameters) lengthSize() int {
	if p.nalSize == 0 {
		return 4
	}
	return p.nalSize
}

// metadata takes a data message in, of which onMetaData matters.
func (f *format) metadata(data []byte) (changed bool) {
	name, body, ok := amf.Text(data)
	if ok && name == "@setDataFrame" {
		data = body
		name, body, ok = amf.Text(body)
	}
	if !ok || name != "onMetaData" || bytes.Equal(data, f.script) {
		return false
	}
	var video, audio bool
	err := amf.Fields(body, func(field string, v []byte) {
		switch field {
		case "width":
			video = true
			f.width = int(min(max(amf.Float(v), 0), 1<<15))
		case "height":
			f.height = int(min(max(amf.Float(v), 0), 1<<15))
		case "framerate":
			f.fps = min(max(amf.Float(v), 0), 1000)
		case "videocodecid":
			video = video || v[0] != amf.MarkerNumber || amf.Float(v) != 0
		case "audiocodecid":
			audio = true
		case "encoder":
			if s, _, ok := amf.Text(v); ok && s != "" {
				f.software = printable(s)
			}
		}
	})
	if err != nil {
		return false
	}
	f.script = bytes.Clone(data)
	f.saysNoVideo = audio && !video
	return true
}

// audioConfig takes an AudioSpecificConfig in.
func (f *format) audioConfig(t bus.Tag) (changed bool) {
	if len(t.Payload()) < 2 || bytes.Equal(t.Data, f.audio) {
		return false
	}
	f.audio = bytes.Clone(t.Data)
	return true
}

// checkVideo refuses what is not H.264.
func checkVideo(b []byte) *rtmp.StatusError {
	if b[0]&0x80 != 0 {
		if codec := (bus.Tag{Type: bus.TagVideo, Data: b}).Codec(); codec == bus.CodecHEVC || codec == bus.CodecAV1 {
			return nil
		}
		return refuseVideo(fourCCName(b))
	}
	switch b[0] & 0x0f {
	case 7:
		return nil
	case 2:
		return refuseVideo("H.263")
	case 3, 6:
		return refuseVideo("screen video")
	case 4, 5:
		return refuseVideo("VP6")
	case 12:
		return refuseVideo("HEVC (H.265)")
	case 13:
		return refuseVideo("AV1")
	}
	return refuseVideo("this codec")
}

func refuseVideo(name string) *rtmp.StatusError {
	return rtmp.Errorf(rtmp.CodeRejected, "video in %s is not taken here; set the encoder's video codec to H.264 (AVC)", name)
}

// fourCCName is what people call the codec of an enhanced tag.
func fourCCName(b []byte) string {
	names := map[string]string{
		"hvc1": "HEVC (H.265)", "av01": "AV1", "vp09": "VP9", "vp08": "VP8", "vvc1": "VVC (H.266)",
		"Opus": "Opus", "fLaC": "FLAC", ".mp3": "MP3", "ac-3": "AC-3", "ec-3": "E-AC-3",
	}
	if len(b) >= 5 && names[string(b[1:5])] != "" {
		return names[string(b[1:5])]
	}
	return "this codec"
}

// checkAudio refuses what is not AAC.
func checkAudio(b []byte) *rtmp.StatusError {
	name := "this codec"
	switch b[0] >> 4 {
	case 10:
		return nil
	case 2, 14:
		name = "MP3"
	case 0, 3:
		name = "PCM"
	case 1:
		name = "ADPCM"
	case 4, 5, 6:
		name = "Nellymoser"
	case 7, 8:
		name = "G.711"
	case 9:
		name = fourCCName(b)
	case 11:
		name = "Speex"
	case 13:
		name = "Opus"
	}
	return rtmp.Errorf(rtmp.CodeRejected, "audio in %s is not taken here; set the encoder's audio codec to AAC", name)
}

// printable makes a peer's words fit for a log and a page.
func printable(s string) string {
	b := []rune(s)
	b = b[:min(len(b), 80)]
	for i, r := range b {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			b[i] = ' '
		}
	}
	return string(b)
}

// tags are what a decoder needs before it can begin.
func (f *format) tags() []bus.Tag {
	tags := make([]bus.Tag, 0, 3)
	for _, t := range []bus.Tag{{Type: bus.TagScript, Data: f.script}, {Type: bus.TagVideo, Data: f.video}, {Type: bus.TagAudio, Data: f.audio}} {
		if t.Data != nil {
			tags = append(tags, t)
		}
	}
	return tags
}
