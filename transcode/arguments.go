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

// arguments are those of the one ffmpeg of a stream: FLV in on stdin, one FLV
// pipe out per rendition from file descriptor 3 on (FINDINGS.md tells what
// each is for). g is nil when pictures and key frames follow the source.
func arguments(cfg Config, outs []output, g *grid, threads int) []string {
	a := strings.Fields("-hide_banner -v error -nostdin -copyts -probesize 32 -fpsprobesize 0")
	switch cfg.Encoder {
	case encoderVAAPI:
		a = append(a, "-init_hw_device", "vaapi=hw:"+cfg.Device, "-filter_hw_device", "hw")
	case encoderQSV:
		a = append(a, "-init_hw_device", "vaapi=va:"+cfg.Device, "-init_hw_device", "qsv=hw@va", "-filter_hw_device", "hw")
	}
	a = append(a, "-threads", strconv.Itoa(threads), "-f", "flv", "-i", "pipe:0", "-filter_complex", filters(cfg.Encoder, outs, g))
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
	return a
}

func filters(enc string, outs []output, g *grid) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[0:v]split=%d", len(outs))
	for i := range outs {
		fmt.Fprintf(&b, "[s%d]", i)
	}
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
