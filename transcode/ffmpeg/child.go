package ffmpeg

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

	"github.com/helios-h2020/pse/internal/child"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// Child is one running ffmpeg that encodes a source. Feed and Finish are for
// one goroutine; Close must be called.
type Child struct {
	log     *zap.Logger
	process *child.Child
	source  input
	stdin   *os.File
	events  chan<- Event
	stop    context.CancelFunc
	// per output: the first picture from here on, ms, ends a part; those before it may wait
	deadlines []atomic.Int64
	wg        sync.WaitGroup

	mu      sync.Mutex   // guards below
	queue   []cmaf.Frame // on ffmpeg's clock
	fed     bool         // something was queued
	ended   bool         // nothing more is queued
	newest  int64        // clock of the newest picture queued, ms
	written int64        // and of the newest written
	wake    chan struct{}
}

// Event is something a child made, or its end. Those of one output come in order.
type Event struct {
	Child  *Child
	Output int               // index of Encoding.Outputs; with JPEG: Large or Small
	Config *cmaf.VideoConfig // of the pictures that follow
	Frames []cmaf.Frame      // pictures, on the clock of those fed
	JPEG   []byte            // a picture of the source
	End    bool              // the last event; there is none of a child that was closed
	Err    error             // of the last event: how it ended, nil: by itself, after Finish
}

// writeBytes is about how much is written to ffmpeg at once.
const writeBytes = 64 << 10

// maxWaiting is how many pictures of an output may wait to be passed on together.
const maxWaiting = 64

// maxStderrLines of one child go into the log.
const maxStderrLines = 20

// Start starts a child, which ends when ctx does. What it makes goes to events,
// which must be read for as long as it runs. An error is ErrFailed.
func Start(ctx context.Context, o Options, e Encoding, events chan<- Event, log *zap.Logger) (*Child, error) {
	ctx, stop := context.WithCancel(ctx)
	c := &Child{log: log, source: inputOf(e.Source, e.Frame), events: events, stop: stop, deadlines: make([]atomic.Int64, len(e.Outputs)), wake: make(chan struct{}, 1)}
	p, err := openPipes(len(e.Outputs) + 2)
	if err == nil {
		command := child.Command{
			Program: o.Program, Args: arguments(o, e), Env: driverEnv, Limits: o.liveLimits(),
			Stdin: p.childStdin, Stderr: p.childStderr, ExtraFiles: p.childOutputs,
		}
		c.process, err = command.Start(ctx)
		p.closeChilds()
		if err != nil {
			p.closeOurs()
		}
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("%w: start %s: %w; install ffmpeg or set transcode.ffmpeg", ErrFailed, o.Program, err)
	}
	c.stdin = p.stdin
	var readers sync.WaitGroup
	for i := range e.Outputs {
		readers.Go(func() { c.read(ctx, i, p.outputs[i]) })
	}
	for i, pipe := range p.outputs[len(e.Outputs):] {
		readers.Go(func() { c.readPictures(ctx, i, pipe) })
	}
	readers.Go(func() { c.logStderr(p.stderr) })
	c.wg.Go(func() { c.write(ctx) })
	c.wg.Go(func() {
		<-ctx.Done()
		c.stdin.SetWriteDeadline(time.Now()) // a writer that waits must end too
	})
	c.wg.Go(func() {
		readers.Wait()
		err := c.process.Wait()
		if ctx.Err() == nil {
			c.send(ctx, Event{Child: c, End: true, Err: err})
		}
		stop()
	})
	return c, nil
}

// Feed queues the next picture of the source, whose Data must not change any
// more. It never blocks. Times fit the 32 bits of FLV.
func (c *Child) Feed(f cmaf.Frame) {
	c.mu.Lock()
	if !c.fed {
		c.written, c.fed = f.DTS, true
	}
	c.queue, c.newest = append(c.queue, f), f.DTS
	c.mu.Unlock()
	c.poke()
}

// Finish says that no more pictures come: ffmpeg gives what it holds and ends.
func (c *Child) Finish() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.poke()
}

// SetPartDeadline says of an output which picture ends a part: the first one
// from a time on, in ms. Pictures before it are passed on with it.
func (c *Child) SetPartDeadline(output int, at int64) { c.deadlines[output].Store(at) }

func (c *Child) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Lag is how much media waits to be written, in ms.
func (c *Child) Lag() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest - c.written
}

// Close kills the child and waits until all of it is gone.
func (c *Child) Close() {
	c.stop()
	c.wg.Wait()
}

func (c *Child) write(ctx context.Context) {
	defer c.stdin.Close()
	var buf []byte
	begun, more := false, false
	for {
		c.mu.Lock()
		queue, ended := c.queue, c.ended
		c.queue = nil
		c.mu.Unlock()
		for len(queue) > 0 { // what came together is written together: each write wakes ffmpeg
			buf = buf[:0]
			var at int64
			for len(queue) > 0 && len(buf) < writeBytes {
				at = queue[0].DTS
				if !begun {
					buf, begun = c.source.begin(buf, at), true
				}
				buf = c.source.picture(buf, queue[0])
				queue = queue[1:]
			}
			if _, err := c.stdin.Write(buf); err != nil {
				return // it died: the readers tell
			}
			c.mu.Lock()
			c.written = at
			c.mu.Unlock()
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
		case <-c.wake:
		}
	}
}

func (c *Child) send(ctx context.Context, e Event) {
	select {
	case c.events <- e:
	case <-ctx.Done():
	}
}

// read passes on what one output makes. Pictures that end no part wait for
// those that do: that saves most wake-ups, and no part comes later.
func (c *Child) read(ctx context.Context, output int, pipe *os.File) {
	defer pipe.Close()
	r := bufio.NewReaderSize(pipe, 1<<16)
	if _, err := r.Discard(len(flvHeader)); err != nil {
		return
	}
	var wait []cmaf.Frame
	pass := func() {
		if len(wait) > 0 {
			c.send(ctx, Event{Child: c, Output: output, Frames: wait})
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
		case tag.IsVideoConfig():
			pass()
			if v, err := cmaf.ParseVideoConfig(cmaf.AVC, tag.Payload()); err == nil {
				c.send(ctx, Event{Child: c, Output: output, Config: v})
			}
		case tag.IsVideoFrame():
			at := int64(tag.TS)
			wait = append(wait, cmaf.Frame{DTS: at, PTS: at + int64(tag.CTS()), Key: tag.IsKey(), Data: tag.Payload()})
			if tag.IsKey() || at >= c.deadlines[output].Load() || len(wait) >= maxWaiting {
				pass()
			}
		}
	}
}

func (c *Child) readPictures(ctx context.Context, size int, pipe *os.File) {
	defer pipe.Close()
	r := bufio.NewReader(pipe)
	for {
		data, err := readPicture(r)
		if err != nil {
			_, _ = io.Copy(io.Discard, pipe) // it must not block on a pipe that nobody reads
			return
		}
		c.send(ctx, Event{Child: c, Output: size, JPEG: data})
	}
}

// logStderr puts what ffmpeg says into the log, up to a limit.
func (c *Child) logStderr(pipe *os.File) {
	defer pipe.Close()
	lines := bufio.NewScanner(pipe)
	for n := 0; lines.Scan(); n++ {
		if n < maxStderrLines {
			c.log.Warn("ffmpeg", zap.String("says", lines.Text()))
		}
	}
	_, _ = io.Copy(io.Discard, pipe) // a line too long to scan must not block it
}
