package ffmpeg

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// Encoding is what a child is to make of a source.
type Encoding struct {
	Source  *cmaf.VideoConfig // of the pictures that it is fed
	Frame   int64             // what they usually last, ms
	Outputs []Output
	Grid    *Grid // nil: pictures and key frames are where the source has them
	Threads int   // of the decoder, and of each encoder in software
}

// Output is one encoded rendition.
type Output struct {
	Width, Height int   // pixels, even
	Kbps          int   // of the video, kbit/s
	Start         int64 // ms on ffmpeg's clock: its first picture is this one or the next, and a key frame
}

// Grid places pictures at a constant rate, and key frames so many apart, both counted from clock 0.
type Grid struct {
	FPS int // pictures a second
	GOP int // pictures from key frame to key frame
}

// arguments are those of the one ffmpeg of a stream: the source in on stdin, one FLV
// pipe out per rendition from file descriptor 3 on. After the renditions come
// two pipes with a picture of the stream now and then, large and small: the
// decoder runs anyway. Times stay those of the source (-copyts, passthrough,
// enc_time_base); with default probing the first frame would take seconds, and
// -analyzeduration 0 would be the default.
func arguments(o Options, e Encoding) []string {
	a := strings.Fields("-hide_banner -v error -nostdin -copyts -probesize 32 -fpsprobesize 0 -filter_complex_threads 1")
	switch o.Encoder {
	case vaapi:
		a = append(a, "-init_hw_device", "vaapi=hw:"+o.Device, "-filter_hw_device", "hw")
	case qsv:
		a = append(a, "-init_hw_device", "vaapi=va:"+o.Device, "-init_hw_device", "qsv=hw@va", "-filter_hw_device", "hw")
	}
	a = append(a, strings.Fields(untrustedInput(e.Source))...)
	a = append(a, "-threads", strconv.Itoa(e.Threads), "-f", inputFormat(e.Source), "-i", "pipe:0", "-filter_complex", filters(o.Encoder, e))
	for i, out := range e.Outputs {
		rate := strconv.Itoa(out.Kbps) + "k"
		a = append(a, "-map", "[v"+strconv.Itoa(i)+"]", "-an")
		a = append(a, encoder(o.Encoder, e.Threads)...)
		a = append(a, "-b:v", rate, "-maxrate", rate, "-bufsize", rate)
		if g := e.Grid; g == nil {
			a = append(a, "-g", "600", "-force_key_frames", "source")
		} else {
			// n counts from the first picture, which lies at this tick of the grid.
			tick := (out.Start*int64(g.FPS) + 500) / 1000 % int64(g.GOP)
			a = append(a, "-g", "600", "-force_key_frames", fmt.Sprintf("expr:eq(mod(n+%d,%d),0)", tick, g.GOP))
		}
		a = append(a, strings.Fields("-fps_mode passthrough -enc_time_base 0.001 -f flv -flush_packets 1 -flvflags no_duration_filesize")...)
		a = append(a, "pipe:"+strconv.Itoa(3+i))
	}
	for i, label := range []string{"[large]", "[small]"} {
		a = append(a, "-map", label, "-an", "-c:v", "mjpeg", "-threads", "1", "-q:v", "5", "-fps_mode", "passthrough",
			"-f", "mpjpeg", "-flush_packets", "1", "pipe:"+strconv.Itoa(3+len(e.Outputs)+i))
	}
	return a
}

func filters(enc string, e Encoding) string {
	var b strings.Builder
	b.WriteString("[0:v]")
	if e.Source.Interlaced() { // times in ms again: yadif halves the unit
		b.WriteString("yadif=mode=send_frame:deint=interlaced,settb=1/1000,")
	}
	fmt.Fprintf(&b, "split=%d", len(e.Outputs)+1)
	for i := range e.Outputs {
		fmt.Fprintf(&b, "[s%d]", i)
	}
	fmt.Fprintf(&b, "[p];[p]select='isnan(prev_selected_t)+gte(t-prev_selected_t,%d)',%s", PictureEvery/1000, pictureFilters(e.Source))
	for i, o := range e.Outputs {
		fmt.Fprintf(&b, ";[s%d]", i)
		if g := e.Grid; g == nil {
			fmt.Fprintf(&b, "trim=start_pts=%d,", o.Start)
		} else {
			fmt.Fprintf(&b, "fps=fps=%d:start_time=%.3f,", g.FPS, float64(o.Start)/1000)
		}
		switch enc {
		case vaapi:
			fmt.Fprintf(&b, "format=nv12,hwupload,scale_vaapi=w=%d:h=%d", o.Width, o.Height)
		case qsv:
			fmt.Fprintf(&b, "format=nv12,hwupload=extra_hw_frames=16,scale_qsv=w=%d:h=%d", o.Width, o.Height)
		default:
			fmt.Fprintf(&b, "scale=%d:%d,setsar=1", o.Width, o.Height)
		}
		fmt.Fprintf(&b, "[v%d]", i)
	}
	return b.String()
}

// encoder are the arguments of one encoder: no B-frames, no look-ahead, no
// key frames of its own, every forced key frame an IDR.
func encoder(enc string, threads int) []string {
	switch enc {
	case nvenc:
		return strings.Fields("-c:v h264_nvenc -preset p3 -tune ull -rc cbr -zerolatency 1 -delay 0 -bf 0 -forced-idr 1 -no-scenecut 1 -pix_fmt yuv420p -profile:v main")
	case vaapi:
		return strings.Fields("-c:v h264_vaapi -rc_mode VBR -bf 0 -idr_interval 0 -async_depth 1 -profile:v main")
	case qsv:
		return strings.Fields("-c:v h264_qsv -preset veryfast -bf 0 -look_ahead 0 -async_depth 1 -forced_idr 1 -idr_interval 0 -profile:v main")
	}
	return strings.Fields("-c:v libx264 -preset superfast -tune zerolatency -threads " + strconv.Itoa(threads) + " -pix_fmt yuv420p -profile:v main -sc_threshold 0")
}
