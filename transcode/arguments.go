package transcode

import (
	"fmt"
	"strconv"
	"strings"
)

// output is one encoded rendition that ffmpeg is to make.
type output struct {
	width, height int
	kbps          int
	start         int64 // ms on ffmpeg's clock: its first picture is this one or the next, and a key frame
}

// grid says how pictures are placed when the source's own times are not taken.
type grid struct {
	fps int // constant rate
	gop int // frames between key frames, counted from clock 0
}

// fromStrangers is all that ffmpeg may use for what strangers sent: the pipe it comes
// by, and H.264 in FLV.
const fromStrangers = "-protocol_whitelist pipe -format_whitelist flv -codec_whitelist h264"

// arguments are those of the one ffmpeg of a stream: FLV in on stdin, one FLV
// pipe out per rendition from file descriptor 3 on (FINDINGS.md tells what
// each is for). g is nil when pictures and key frames follow the source.
// After the renditions come two pipes with a picture of the stream now and
// then, large and small: the decoder runs anyway.
func arguments(cfg Config, outs []output, g *grid, pic picture, threads int) []string {
	a := strings.Fields("-hide_banner -v error -nostdin -copyts -probesize 32 -fpsprobesize 0 -filter_complex_threads 1")
	switch cfg.Encoder {
	case encoderVAAPI:
		a = append(a, "-init_hw_device", "vaapi=hw:"+cfg.Device, "-filter_hw_device", "hw")
	case encoderQSV:
		a = append(a, "-init_hw_device", "vaapi=va:"+cfg.Device, "-init_hw_device", "qsv=hw@va", "-filter_hw_device", "hw")
	}
	a = append(a, strings.Fields(fromStrangers)...)
	a = append(a, "-threads", strconv.Itoa(threads), "-f", "flv", "-i", "pipe:0", "-filter_complex", filters(cfg.Encoder, outs, g, pic))
	for i, o := range outs {
		rate := strconv.Itoa(o.kbps) + "k"
		a = append(a, "-map", "[v"+strconv.Itoa(i)+"]", "-an")
		a = append(a, encoder(cfg.Encoder, threads)...)
		a = append(a, "-b:v", rate, "-maxrate", rate, "-bufsize", rate)
		if g == nil {
			a = append(a, "-g", "600", "-force_key_frames", "source")
		} else {
			// n counts from the first picture, which lies at this tick of the grid.
			tick := (o.start*int64(g.fps) + 500) / 1000 % int64(g.gop)
			a = append(a, "-g", "600", "-force_key_frames", fmt.Sprintf("expr:eq(mod(n+%d,%d),0)", tick, g.gop))
		}
		a = append(a, strings.Fields("-fps_mode passthrough -enc_time_base 0.001 -f flv -flush_packets 1 -flvflags no_duration_filesize")...)
		a = append(a, "pipe:"+strconv.Itoa(3+i))
	}
	for i, label := range []string{"[large]", "[small]"} {
		a = append(a, "-map", label, "-an", "-c:v", "mjpeg", "-threads", "1", "-q:v", "5", "-fps_mode", "passthrough",
			"-f", "mpjpeg", "-flush_packets", "1", "pipe:"+strconv.Itoa(3+len(outs)+i))
	}
	return a
}

func filters(enc string, outs []output, g *grid, pic picture) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[0:v]split=%d", len(outs)+1)
	for i := range outs {
		fmt.Fprintf(&b, "[s%d]", i)
	}
	fmt.Fprintf(&b, "[p];[p]select='isnan(prev_selected_t)+gte(t-prev_selected_t,%d)',%s", posterEvery/1000, pic.filters())
	for i, o := range outs {
		fmt.Fprintf(&b, ";[s%d]", i)
		if g == nil {
			fmt.Fprintf(&b, "trim=start_pts=%d,", o.start)
		} else {
			fmt.Fprintf(&b, "fps=fps=%d:start_time=%.3f,", g.fps, float64(o.start)/1000)
		}
		switch enc {
		case encoderVAAPI:
			fmt.Fprintf(&b, "format=nv12,hwupload,scale_vaapi=w=%d:h=%d", o.width, o.height)
		case encoderQSV:
			fmt.Fprintf(&b, "format=nv12,hwupload=extra_hw_frames=16,scale_qsv=w=%d:h=%d", o.width, o.height)
		default:
			fmt.Fprintf(&b, "scale=%d:%d,setsar=1", o.width, o.height)
		}
		fmt.Fprintf(&b, "[v%d]", i)
	}
	return b.String()
}

// encoder are the arguments of one encoder: no B-frames, no look-ahead, no
// key frames of its own, every forced key frame an IDR.
func encoder(enc string, threads int) []string {
	switch enc {
	case encoderNVENC:
		return strings.Fields("-c:v h264_nvenc -preset p3 -tune ull -rc cbr -zerolatency 1 -delay 0 -bf 0 -forced-idr 1 -no-scenecut 1 -pix_fmt yuv420p -profile:v main")
	case encoderVAAPI:
		return strings.Fields("-c:v h264_vaapi -rc_mode VBR -bf 0 -idr_interval 0 -async_depth 1 -profile:v main")
	case encoderQSV:
		return strings.Fields("-c:v h264_qsv -preset veryfast -bf 0 -look_ahead 0 -async_depth 1 -forced_idr 1 -idr_interval 0 -profile:v main")
	}
	return strings.Fields("-c:v libx264 -preset superfast -tune zerolatency -threads " + strconv.Itoa(threads) + " -pix_fmt yuv420p -profile:v main -sc_threshold 0")
}
