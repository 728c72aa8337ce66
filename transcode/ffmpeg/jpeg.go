package ffmpeg

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/internal/child"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// PictureEvery is how often a child makes pictures of its source, in ms of media.
const PictureEvery = 10_000

// Sizes of pictures, by Event.Output.
const (
	Large = iota
	Small
)

// Pictures of a source: pixels of width at most, and bytes.
const (
	largeWidth = 1280
	smallWidth = 320
	maxPicture = 2 << 20
)

// pictureFilters scale a source to the two sizes, [large] and [small]: as it is displayed, with even sides.
func pictureFilters(v *cmaf.VideoConfig) string {
	w := min(v.Width, largeWidth) &^ 1
	h := max(v.Height*w/v.Width&^1, 2)
	return fmt.Sprintf("scale=%d:%d,setsar=1,split[large][big];[big]scale=%d:-2[small]", w, h, min(w, smallWidth))
}

// JPEGs decodes a key frame of a source into a large and a small picture. ctx
// bounds the time; what goes wrong is ErrFailed, or the system's.
func JPEGs(ctx context.Context, o Options, v *cmaf.VideoConfig, keyFrame []byte) (large, small []byte, err error) {
	args := strings.Fields("-hide_banner -v error -nostdin -threads 1 " + untrustedInput(v) + " -f " + inputFormat(v) + " -i pipe:0 -filter_complex [0:v]" + pictureFilters(v) +
		" -map [large] -frames:v 1 -q:v 5 -f mjpeg pipe:3 -map [small] -frames:v 1 -q:v 6 -f mjpeg pipe:4")
	source := inputOf(v, 0)
	in := source.picture(source.begin(nil, 0), cmaf.Frame{Key: true, Data: keyFrame})
	var says bytes.Buffer
	command := child.Command{Program: o.Program, Args: args, Stdin: bytes.NewReader(in), Stderr: &says, Limits: o.pictureLimits()}
	var outs [2]*os.File
	for i := range outs {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, nil, fmt.Errorf("picture: %w", err)
		}
		defer r.Close()
		defer w.Close()
		outs[i] = r
		command.ExtraFiles = append(command.ExtraFiles, w)
	}
	process, err := command.Start(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %w", err)
	}
	for _, w := range command.ExtraFiles {
		w.Close()
	}
	got := [2][]byte{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		got[1], _ = io.ReadAll(io.LimitReader(outs[1], maxPicture))
	}()
	got[0], _ = io.ReadAll(io.LimitReader(outs[0], maxPicture))
	<-read
	err = process.Wait()
	if err != nil || len(got[0]) == 0 || len(got[1]) == 0 {
		return nil, nil, fmt.Errorf("picture: %w: %v: %.200s", ErrFailed, err, says.String())
	}
	return got[0], got[1], nil
}

// readPicture reads one picture of an mpjpeg stream: a boundary, headers, an empty line, the JPEG, an empty line.
func readPicture(r *bufio.Reader) ([]byte, error) {
	size := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(strings.ToLower(line), "content-length:"); ok {
			if size, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || size < 0 || size > maxPicture {
				return nil, fmt.Errorf("%w: a picture of %q bytes", ErrFailed, value)
			}
		}
		if line == "" && size > 0 {
			data := make([]byte, size)
			_, err := io.ReadFull(r, data)
			return data, err
		}
	}
}
