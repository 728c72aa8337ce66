package camera

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
)

// Decoded is one picture of a recorded stream.
type Decoded struct {
	Number uint16
	OK     bool // false: the strip could not be read
}

// Decode decodes a recorded stream (anything ffmpeg can read, CMAF or FLV) of
// width w and height h, and reads the number of every picture in it, in the
// order shown. What the decoder complains of is an error.
func Decode(ctx context.Context, media io.Reader, w, h int) ([]Decoded, error) {
	rows := h/stripRows/2*2 + 2
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-nostdin", "-v", "warning", "-i", "pipe:0",
		"-map", "0:v:0", "-vf", "crop="+strconv.Itoa(w)+":"+strconv.Itoa(rows)+":0:0,format=gray",
		// Times stay in the input's own time base: rounded to whole frames, two
		// pictures after a jump of half a frame would fall on one time.
		"-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "rawvideo", "pipe:1")
	cmd.Stdin = media
	said := &tail{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("decode: %w; install ffmpeg", err)
	}
	var all []Decoded
	strip := make([]byte, w*rows)
	for {
		if _, err = io.ReadFull(out, strip); err != nil {
			break
		}
		n, ok := ReadNumber(strip, w, h)
		all = append(all, Decoded{n, ok})
	}
	if err := cmd.Wait(); err != nil {
		return all, fmt.Errorf("decode: %w: %s", err, said.text())
	}
	if len(bytes.TrimSpace(said.b)) > 0 {
		return all, fmt.Errorf("decode: ffmpeg complains: %s", said.text())
	}
	return all, nil
}

// Jump is a place where pictures are missing, repeated or unreadable.
type Jump struct {
	At         int // index of the picture after it
	Last, Next Decoded
}

// Jumps lists where the numbers do not go up by one.
func Jumps(all []Decoded) []Jump {
	var js []Jump
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; !a.OK || !b.OK || b.Number != a.Number+1 {
			js = append(js, Jump{i, a, b})
		}
	}
	return js
}
