// Package cameratest reads what the camera has published: the number of every
// picture of a recorded stream. Production code must not import it.
package cameratest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/internal/camera"
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
	rows := h/camera.StripRows/2*2 + 2
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-nostdin", "-v", "warning", "-i", "pipe:0",
		"-map", "0:v:0", "-vf", "crop="+strconv.Itoa(w)+":"+strconv.Itoa(rows)+":0:0,format=gray",
		// Times stay in the input's own time base: rounded to whole frames, two
		// pictures after a jump of half a frame would fall on one time.
		"-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "rawvideo", "pipe:1")
	cmd.Stdin = media
	var said bytes.Buffer
	cmd.Stderr = &said
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
		return all, fmt.Errorf("decode: %w: %s", err, lastLines(said.String()))
	}
	if len(bytes.TrimSpace(said.Bytes())) > 0 {
		return all, fmt.Errorf("decode: ffmpeg complains: %s", lastLines(said.String()))
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

func lastLines(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// ReadNumber reads the strip of a picture's luma plane of w x h samples, or of
// the plane's upper rows. It is false when there is no strip.
func ReadNumber(luma []byte, w, h int) (n uint16, ok bool) {
	y := h / camera.StripRows / 2
	if len(luma) < (y+1)*w || w < camera.StripColumns*2 {
		return 0, false
	}
	row := luma[y*w : (y+1)*w]
	at := func(i int) int { return int(row[(2*i+1)*w/(2*camera.StripColumns)]) }
	light, dark := at(camera.StripBits), at(camera.StripBits+1)
	if light-dark < 60 {
		return 0, false
	}
	for i := range camera.StripBits {
		n <<= 1
		if at(i) > (light+dark)/2 {
			n |= 1
		}
	}
	return n, true
}
