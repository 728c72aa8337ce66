package transcode

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/child"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// ffmpeg is one running child. What it makes goes to events, in order per output.
type ffmpeg struct {
	log    *zap.Logger
	stdin  *os.File
	events chan<- encoded
	stop   context.CancelFunc
	due    []atomic.Int64 // per output: the first picture from here on ends a part; those before it may wait
	wg     sync.WaitGroup

	mu      sync.Mutex // guards below
	queue   []queued
	ended   bool  // nothing more is queued
	newest  int64 // clock of the newest picture queued, ms
	written int64 // and of the newest written
	wake    chan struct{}
}

type queued struct {
	tag bus.Tag
	at  int64 // ms on ffmpeg's clock
}

// encoded is something ffmpeg made, or its end.
type encoded struct {
	by     *ffmpeg
	output int
	config *cmaf.VideoConfig // new parameters
	frames []cmaf.Frame      // pictures on ffmpeg's clock
	jpeg   []byte            // output says of which size: 0 large, 1 small
	exit   error             // set by the last event: how it ended
	end    bool              // the last event
}

// writeBytes is about how much is written to ffmpeg at once.
const writeBytes = 64 << 10

// maxWaiting is how many pictures of an output may wait to be passed on together.
const maxWaiting = 64

// maxStderrLines of one child go into the log.
const maxStderrLines = 20

// startFFmpeg starts a child with one pipe for each output, and two for pictures of the stream. It ends when ctx does.
func startFFmpeg(ctx context.Context, cfg Config, args []string, outputs int, events chan<- encoded, log *zap.Logger) (*ffmpeg, error) {
	ctx, stop := context.WithCancel(ctx)
	f := &ffmpeg{log: log, events: events, stop: stop, due: make([]atomic.Int64, outputs), wake: make(chan struct{}, 1)}
	in, w, err := os.Pipe()
	if err != nil {
		stop()
		return nil, fmt.Errorf("%w: %w", ErrFFmpeg, err)
	}
	f.stdin = w
	command := child.Command{Program: cfg.FFmpeg, Args: args, Stdin: in, Env: driverEnv, Limits: cfg.liveLimits()}
	theirs := []*os.File{in}
	var mine []*os.File
	closeAll := func(files []*os.File) {
		for _, x := range files {
			x.Close()
		}
	}
	errR, errW, err := os.Pipe()
	for i := 0; err == nil && i < outputs+2; i++ {
		var r, w *os.File
		if r, w, err = os.Pipe(); err == nil {
			command.ExtraFiles = append(command.ExtraFiles, w)
			mine, theirs = append(mine, r), append(theirs, w)
		}
	}
	var process *child.Child
	if errW != nil {
		command.Stderr = errW
		theirs, mine = append(theirs, errW), append(mine, errR)
	}
	if err == nil {
		process, err = command.Start(ctx)
	}
	closeAll(theirs)
	if err != nil {
		closeAll(mine)
		f.stdin.Close()
		stop()
		return nil, fmt.Errorf("%w: start %s: %w; install ffmpeg or set transcode.ffmpeg", ErrFFmpeg, cfg.FFmpeg, err)
	}
	var readers sync.WaitGroup
	for i := range outputs {
		readers.Go(func() { f.read(ctx, i, mine[i]) })
	}
	for i := range 2 {
		readers.Go(func() { f.readPictures(ctx, i, mine[outputs+i]) })
	}
	readers.Go(func() { f.complain(errR) })
	f.wg.Go(func() { f.write(ctx) })
	f.wg.Go(func() {
		<-ctx.Done()
		f.stdin.SetWriteDeadline(time.Now()) //nolint:errcheck // a writer that waits must end too
	})
	f.wg.Go(func() {
		readers.Wait()
		err := process.Wait()
		if ctx.Err() == nil {
			f.send(ctx, encoded{by: f, end: true, exit: err})
		}
		stop()
	})
	return f, nil
}

// put queues one tag. It never blocks.
func (f *ffmpeg) put(tag bus.Tag, at int64) {
	f.mu.Lock()
	if f.newest == 0 {
		f.written = at
	}
	f.queue, f.newest = append(f.queue, queued{tag, at}), at
	f.mu.Unlock()
	f.poke()
}

// finish says that no more tags come: ffmpeg gives what it holds and ends.
func (f *ffmpeg) finish() {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	f.poke()
}

func (f *ffmpeg) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// lag is how much media waits to be written, in ms.
func (f *ffmpeg) lag() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest - f.written
}

// close kills the child and waits until all of it is gone.
func (f *ffmpeg) close() {
	f.stop()
	f.wg.Wait()
}

func (f *ffmpeg) write(ctx context.Context) {
	defer f.stdin.Close()
	header := []byte{'F', 'L', 'V', 1, 1, 0, 0, 0, 9, 0, 0, 0, 0}
	if _, err := f.stdin.Write(header); err != nil {
		return
	}
	var buf []byte
	more := false
	for {
		f.mu.Lock()
		queue, ended := f.queue, f.ended
		f.queue = nil
		f.mu.Unlock()
		for len(queue) > 0 { // what came together is written together: each write wakes ffmpeg
			buf = buf[:0]
			var at int64
			for len(queue) > 0 && len(buf) < writeBytes {
				buf, at = bus.AppendTag(buf, queue[0].tag), queue[0].at
				queue = queue[1:]
			}
			if _, err := f.stdin.Write(buf); err != nil {
				return // it died: the readers tell
			}
			f.mu.Lock()
			f.written = at
			f.mu.Unlock()
			more = true
		}
		if more {
			more = false
			continue
		}
		if ended {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
	}
}

func (f *ffmpeg) send(ctx context.Context, e encoded) {
	select {
	case f.events <- e:
	case <-ctx.Done():
	}
}

// read passes on what one output makes. Pictures that end no part wait for
// those that do: that saves most wake-ups, and no part comes later.
func (f *ffmpeg) read(ctx context.Context, output int, pipe *os.File) {
	defer pipe.Close()
	r := bufio.NewReaderSize(pipe, 1<<16)
	if _, err := r.Discard(13); err != nil {
		return
	}
	var wait []cmaf.Frame
	pass := func() {
		if len(wait) > 0 {
			f.send(ctx, encoded{by: f, output: output, frames: wait})
			wait = nil
		}
	}
	defer pass()
	for {
		tag, err := readTag(r)
		if err != nil {
			return
		}
		switch {
		case tag.IsAVCConfig():
			pass()
			if v, err := cmaf.ParseVideoConfig(tag.Payload()); err == nil {
				f.send(ctx, encoded{by: f, output: output, config: v})
			}
		case tag.IsAVCFrame():
			at := int64(tag.TS)
			wait = append(wait, cmaf.Frame{DTS: at, PTS: at + int64(tag.CTS()), Key: tag.IsKey(), Data: tag.Payload()})
			if tag.IsKey() || at >= f.due[output].Load() || len(wait) >= maxWaiting {
				pass()
			}
		}
	}
}

func (f *ffmpeg) readPictures(ctx context.Context, size int, pipe *os.File) {
	defer pipe.Close()
	r := bufio.NewReader(pipe)
	for {
		data, err := readPicture(r)
		if err != nil {
			_, _ = io.Copy(io.Discard, pipe) // it must not block on a pipe that nobody reads
			return
		}
		f.send(ctx, encoded{by: f, output: size, jpeg: data})
	}
}

// readTag reads one FLV tag of a stream.
func readTag(r io.Reader) (bus.Tag, error) {
	var h [11]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return bus.Tag{}, err
	}
	n := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	if n > bus.MaxTagBytes {
		return bus.Tag{}, fmt.Errorf("%w: a tag of %d bytes", ErrFFmpeg, n)
	}
	b := make([]byte, n+4)
	if _, err := io.ReadFull(r, b); err != nil {
		return bus.Tag{}, err
	}
	return bus.Tag{Type: h[0] & 0x1f, TS: uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]), Data: b[:n:n]}, nil
}

// complain puts what ffmpeg says into the log, up to a limit.
func (f *ffmpeg) complain(pipe *os.File) {
	defer pipe.Close()
	lines := bufio.NewScanner(pipe)
	for n := 0; lines.Scan(); n++ {
		if n < maxStderrLines {
			f.log.Warn("ffmpeg", zap.String("says", lines.Text()))
		}
	}
	_, _ = io.Copy(io.Discard, pipe) // a line too long to scan must not block it
}
