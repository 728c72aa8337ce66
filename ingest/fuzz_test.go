package ingest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// Whatever metadata holds, it does no harm.
func FuzzMetadata(f *testing.F) {
	f.Add(amf.AppendObject(amf.AppendString(nil, "onMetaData"), "encoder", "fuzz"))
	f.Add(append(amf.AppendObject(amf.AppendString(amf.AppendString(nil, "@setDataFrame"), "onMetaData"), "width", "wide"), amf.MarkerNull))
	f.Fuzz(func(t *testing.T, b []byte) { (&format{}).metadata(bytes.Clone(b)) })
}

// Configurations and access units that are no such thing do no harm.
func FuzzFrames(f *testing.F) {
	f.Add(rtmptest.AVCConfig, rtmptest.AVCFrame(true, 50))
	f.Add(rtmptest.AACConfig, rtmptest.AACFrame())
	f.Fuzz(func(t *testing.T, config, frame []byte) {
		s := format{allowed: newAllowance(DefaultConfig())}
		if t := (bus.Tag{Type: bus.TagVideo, Data: config}); t.IsVideoConfig() {
			_, _ = s.videoConfig(t)
		}
		if t := (bus.Tag{Type: bus.TagAudio, Data: config}); t.IsAACConfig() {
			s.audioConfig(t)
		}
		if s.video != nil {
			if t, c, ok := s.look(bus.Tag{Type: bus.TagVideo, Data: append(make([]byte, 5), frame...)}); ok && s.learn(t.Payload()) == nil {
				s.adopt(c.PPS)
			}
		}
		if len(frame) > 0 {
			_, _ = checkVideo(frame), checkAudio(frame)
		}
		for _, t := range s.tags() {
			if len(bus.AppendTag(nil, t)) < 15 {
				panic("a tag of no size")
			}
		}
	})
}

// Mutated sessions of real shape, over sockets: the worker lives, nothing
// leaks, and an honest publisher is served afterwards. PSE_LONG=1 makes it
// ten minutes.
func TestMutatedSessions(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.SetupTimeout, c.IdleTimeout, c.MaxPerIP, c.Grace, c.GraceClean = time.Second, time.Second, 500, 0, 0
	})
	honest := rtmptest.Whole(r.key.Secret)
	count, end := 200, time.Time{}
	if os.Getenv("PSE_LONG") != "" {
		count, end = 1<<30, time.Now().Add(10*time.Minute)
	}
	const at = 8
	slots := make(chan struct{}, at)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	n := 0
	var heap []uint64 // MiB, every half minute
	due := time.Now().Add(30 * time.Second)
	for ; n < count && (end.IsZero() || time.Now().Before(end)); n++ {
		b := mutate(rnd, honest)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			c, err := net.Dial("tcp", r.w.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Write(b)
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c)
		}()
		if time.Now().After(due) {
			heap, due = append(heap, inUse()), due.Add(30*time.Second)
		}
	}
	for range at {
		slots <- struct{}{}
	}
	r.noneLeft()
	t.Logf("%d sessions, MiB in use every 30 s: %v", n, heap)
	// The bus is in this process too: its log of media holds 30 s, its log of
	// events fills a cache. After two minutes both are what they will be.
	if k := len(heap); k >= 12 && slices.Min(heap[k-4:]) > slices.Max(heap[3:7])*5/4+4 {
		t.Errorf("memory grows: %v MiB", heap)
	}
	bustest.Eventually(t, "the last of them to be off the record", func() bool {
		l, err := r.bus.GetStreamRecord(t.Context(), "cam")
		return err != nil || l.State == bus.StateEnded
	})
	r.stillServes("after")
}

// inUse is how much memory is in use after a collection, in MiB.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc >> 20
}

// mutate changes a few bytes, cuts pieces out or doubles them. Mostly the
// handshake stays, so that what follows is reached.
func mutate(rnd *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	from := rtmptest.HandshakeBytes
	if rnd.IntN(20) == 0 {
		from = 0
	}
	for range 1 + rnd.IntN(8) {
		i := from + rnd.IntN(len(b)-from)
		n := min(1+rnd.IntN(64), len(b)-i)
		switch rnd.IntN(5) {
		case 0:
			b[i] ^= 1 << rnd.IntN(8)
		case 1:
			b[i] = []byte{0, 0xff, 0x7f, 0x80, 3 << 6, amf.MarkerStrictArray, amf.MarkerObject}[rnd.IntN(7)]
		case 2:
			for j := range b[i : i+n] {
				b[i+j] = byte(rnd.Uint32())
			}
		case 3:
			b = append(b[:i], b[i+n:]...)
		case 4:
			b = append(b[:i+n], append(bytes.Clone(b[i:i+n]), b[i+n:]...)...)
		}
		if len(b) <= from+1 {
			break
		}
	}
	return b
}
