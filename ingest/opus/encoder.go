// Package opus makes AAC of Opus, which HLS has no place for everywhere: by an ffmpeg in a process of
// its own, within bounds.
package opus

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/child"
)

const (
	sampleRate   = 48000
	frameSamples = 1024
	memory       = 256 << 20       // that ffmpeg may take, bytes
	writeWait    = time.Second     // it is hung if it takes no packet for so long
	endWait      = 8 * time.Second // for the last frames
	maxFrames    = 1000            // that wait to be taken: those above are dropped, nobody takes them
	maxPacket    = 64 << 10        // bytes of a packet: far more than 120 ms have
)

// usualHead is that of two channels.
const usualHead = "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"

// Frame is one AAC frame, raw.
type Frame struct {
	At   int64 // ms since the first packet
	Data []byte
}

// An Encoder is a running ffmpeg. Its methods are for one goroutine. Close must be called.
type Encoder struct {
	Config []byte // AudioSpecificConfig of what it makes

	stdin *os.File
	stop  context.CancelFunc
	done  chan struct{} // closed when all is read

	mu     sync.Mutex // guards frames
	frames []Frame
}

// Start runs program on what an identification header tells of; empty: on two channels.
func Start(ctx context.Context, program string, head []byte) (*Encoder, error) {
	if len(head) < headBytes || string(head[:8]) != "OpusHead" || head[channelsAt] == 0 || head[channelsAt] > 8 {
		head = []byte(usualHead)
	}
	channels := min(int(head[channelsAt]), 2)
	ctx, stop := context.WithCancel(ctx)
	e := &Encoder{Config: []byte{0x11, 0x80 | byte(channels)<<3}, stop: stop, done: make(chan struct{})}
	args := strings.Fields("-hide_banner -v error -nostdin -probesize 32 -protocol_whitelist pipe -format_whitelist matroska -codec_whitelist opus,libopus" +
		" -threads 1 -f matroska -i pipe:0 -map 0:a:0 -af aresample=48000:async=1:first_pts=0 -ac " + strconv.Itoa(channels) +
		" -c:a aac -b:a " + strconv.Itoa(64*channels) + "k -threads 1 -f adts -flush_packets 1 pipe:1")
	in, stdin, err := os.Pipe()
	if err != nil {
		stop()
		return nil, fmt.Errorf("make AAC of Opus: %w", err)
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		stop()
		in.Close()
		stdin.Close()
		return nil, fmt.Errorf("make AAC of Opus: %w", err)
	}
	process, err := child.Command{Program: program, Args: args, Stdin: in, Stdout: out, Limits: child.Limits{Memory: memory, Nice: 2}}.Start(ctx)
	in.Close()
	out.Close()
	if err != nil {
		stop()
		stdin.Close()
		stdout.Close()
		return nil, fmt.Errorf("make AAC of Opus: %w", err)
	}
	e.stdin = stdin
	go func() {
		defer close(e.done)
		defer stdout.Close()
		e.read(stdout)
		_ = process.Wait() // how it ended is nobody's matter: its frames are there or not
	}()
	_, err = e.write(header(head))
	if err != nil {
		e.Close()
	}
	return e, err
}

// Feed gives it the next packet, at a time in ms since the first, which was at 0. An error says
// that it died, or hangs.
func (e *Encoder) Feed(at int64, packet []byte) error {
	if len(packet) == 0 || len(packet) > maxPacket {
		return nil
	}
	_, err := e.write(appendPacket(nil, at, packet))
	return err
}

func (e *Encoder) write(b []byte) (int, error) {
	_ = e.stdin.SetWriteDeadline(time.Now().Add(writeWait))
	n, err := e.stdin.Write(b)
	if err != nil {
		err = fmt.Errorf("make AAC of Opus: %w", err)
	}
	return n, err
}

// Frames are those that were made since it was asked.
func (e *Encoder) Frames() []Frame {
	e.mu.Lock()
	defer e.mu.Unlock()
	frames := e.frames
	e.frames = nil
	return frames
}

// Finish says that no more packets come, and gives the rest.
func (e *Encoder) Finish() []Frame {
	_ = e.stdin.Close()
	select {
	case <-e.done:
	case <-time.After(endWait):
	}
	return e.Frames()
}

// Close kills it, and waits until it is gone.
func (e *Encoder) Close() {
	e.stop()
	_ = e.stdin.Close()
	<-e.done
}

// read takes in what it makes: ADTS (ISO/IEC 14496-3 1.A.2.2). The first frame is from before the first packet.
func (e *Encoder) read(out io.Reader) {
	r := bufio.NewReader(out)
	var h [7]byte
	for n := int64(0); ; n++ {
		if _, err := io.ReadFull(r, h[:]); err != nil || h[0] != 0xff || h[1]&0xf1 != 0xf1 {
			return
		}
		data := make([]byte, max(int(h[3]&3)<<11|int(h[4])<<3|int(h[5]>>5)-len(h), 0))
		if _, err := io.ReadFull(r, data); err != nil {
			return
		}
		if n == 0 {
			continue
		}
		e.mu.Lock()
		if len(e.frames) < maxFrames {
			e.frames = append(e.frames, Frame{At: (n - 1) * frameSamples * 1000 / sampleRate, Data: data})
		}
		e.mu.Unlock()
	}
}
