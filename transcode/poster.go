package transcode

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/child"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// Pictures of a stream: how often, how wide and how long one may take.
const (
	posterEvery   = 10_000 // ms of the stream
	posterLarge   = 1280   // pixels of width at most
	posterSmall   = 320
	posterTimeout = 10 * time.Second
	posterBytes   = 2 << 20
)

// Names of the sizes on the bus.
const (
	sizeLarge = "large"
	sizeSmall = "small"
)

// posters stores pictures of a stream. Its ffmpeg makes them along with the
// renditions; for a stream that only passes through, a short-lived one of
// their own does from key frames, one at a time. What comes while one is
// being made or stored is left out.
type posters struct {
	b    *bus.Bus
	log  *zap.Logger
	sid  string
	cfg  Config
	turn chan struct{} // a worker makes one picture at a time, over all streams
	last int64         // stream clock of the newest, ms
	todo chan keyFrame
	done chan jpeg
}

// jpeg is a picture that is made.
type jpeg struct {
	size string
	data []byte
}

// picture is the size of a stream's pictures.
type picture struct{ width, height int }

// pictureOf is that of a source: its display size, but not over posterLarge wide.
func pictureOf(v *cmaf.VideoConfig) picture {
	w := even(min(v.Width, posterLarge))
	return picture{w, max(even(v.Height*w/v.Width), 2)}
}

// filters scale to the two sizes, [large] and [small].
func (p picture) filters() string {
	return fmt.Sprintf("scale=%d:%d,setsar=1,split[large][big];[big]scale=%d:-2[small]", p.width, p.height, min(p.width, posterSmall))
}

type keyFrame struct {
	v    *cmaf.VideoConfig
	data []byte
}

func newPosters(b *bus.Bus, log *zap.Logger, sid string, cfg Config, turn chan struct{}) *posters {
	return &posters{b: b, log: log, sid: sid, cfg: cfg, turn: turn, last: -posterEvery, todo: make(chan keyFrame, 1), done: make(chan jpeg, 2)}
}

// put takes a picture that is made. It never blocks.
func (p *posters) put(size string, data []byte) {
	select {
	case p.done <- jpeg{size, data}:
	default:
	}
}

// see takes the source's key frames. It never blocks.
func (p *posters) see(v *cmaf.VideoConfig, f cmaf.Frame) {
	if d := f.DTS - p.last; d < posterEvery && d >= 0 {
		return
	}
	select {
	case p.todo <- keyFrame{v, f.Data}:
		p.last = f.DTS
	default:
	}
}

func (p *posters) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-p.done:
			if err := p.b.PutPoster(ctx, p.sid, j.size, j.data); err != nil && ctx.Err() == nil {
				p.log.Warn("picture not stored", zap.Error(err))
			}
		case k := <-p.todo:
			select {
			case <-ctx.Done():
				return
			case p.turn <- struct{}{}:
			}
			err := p.make(ctx, k)
			<-p.turn
			if err != nil && ctx.Err() == nil {
				p.log.Warn("no picture of the stream this time", zap.Error(err))
			}
		}
	}
}

func (p *posters) make(ctx context.Context, k keyFrame) error {
	ctx, cancel := context.WithTimeout(ctx, posterTimeout)
	defer cancel()
	large, small, err := jpegs(ctx, p.cfg, k)
	if err != nil {
		return err
	}
	if err := p.b.PutPoster(ctx, p.sid, sizeLarge, large); err != nil {
		return err
	}
	return p.b.PutPoster(ctx, p.sid, sizeSmall, small)
}

// jpegs decodes one key frame into two pictures.
func jpegs(ctx context.Context, cfg Config, k keyFrame) (large, small []byte, err error) {
	args := strings.Fields("-hide_banner -v error -nostdin -threads 1 " + fromStrangers + " -f flv -i pipe:0 -filter_complex [0:v]" + pictureOf(k.v).filters() +
		" -map [large] -frames:v 1 -q:v 5 -f mjpeg pipe:3 -map [small] -frames:v 1 -q:v 6 -f mjpeg pipe:4")
	var in bytes.Buffer
	in.Write([]byte{'F', 'L', 'V', 1, 1, 0, 0, 0, 9, 0, 0, 0, 0})
	in.Write(bus.AppendTag(nil, bus.Tag{Type: bus.TagVideo, Data: append([]byte{0x17, 0, 0, 0, 0}, k.v.Record...)}))
	in.Write(bus.AppendTag(nil, bus.Tag{Type: bus.TagVideo, Data: append([]byte{0x17, 1, 0, 0, 0}, k.data...)}))
	var says bytes.Buffer
	command := child.Command{Program: cfg.FFmpeg, Args: args, Stdin: &in, Stderr: &says, Limits: cfg.pictureLimits()}
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
		got[1], _ = io.ReadAll(io.LimitReader(outs[1], posterBytes))
	}()
	got[0], _ = io.ReadAll(io.LimitReader(outs[0], posterBytes))
	<-read
	err = process.Wait()
	if err != nil || len(got[0]) == 0 || len(got[1]) == 0 {
		return nil, nil, fmt.Errorf("picture: %w: %v: %.200s", ErrFFmpeg, err, says.String())
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
			if size, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || size < 0 || size > posterBytes {
				return nil, fmt.Errorf("%w: a picture of %q bytes", ErrFFmpeg, value)
			}
		}
		if line == "" && size > 0 {
			data := make([]byte, size)
			_, err := io.ReadFull(r, data)
			return data, err
		}
	}
}
