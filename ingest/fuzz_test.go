package ingest

import (
	"bytes"
	"errors"
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
)

// whole is a session as bytes, from the handshake to the end.
func whole(key string) []byte {
	c := &sink{}
	p := &peer{conn: c, size: 128}
	p.write(append([]byte{3}, make([]byte, 2*1536)...))
	p.command(0, "connect", 1, appendAMFObject(nil, "app", "live", "flashVer", "peer", "tcUrl", "rtmp://host/live"))
	p.command(0, "releaseStream", 2, amfNone, appendAMFString(nil, "cam"))
	p.command(0, "createStream", 4, amfNone)
	p.command(1, "publish", 5, amfNone, appendAMFString(nil, "cam?key="+key), appendAMFString(nil, "live"))
	p.send(5, message{typ: msgData, stream: 1, data: append(appendAMFString(appendAMFString(nil, "@setDataFrame"), "onMetaData"),
		appendAMFObject(nil, "encoder", "fuzz")...)})
	p.send(2, message{typ: msgSetChunkSize, data: []byte{0, 0, 4, 0}})
	p.size = 1024
	p.configs(1<<24 - 50)
	aggregated(p)
	p.frames(1<<24-50, 30)
	p.stop("cam")
	return c.Bytes()
}

// sink is a connection that keeps what is written.
type sink struct {
	bytes.Buffer
	net.Conn
}

func (s *sink) Write(b []byte) (int, error) { return s.Buffer.Write(b) }
func (s *sink) Read(b []byte) (int, error)  { return s.Buffer.Read(b) }
func (s *sink) Close() error                { return nil }

// The chunk reader keeps its limits whatever comes, and what it gives is what
// it was given: written out as chunks, its messages are read the same again.
func FuzzChunkReader(f *testing.F) {
	f.Add(whole("k")[handshakeBytes:])
	f.Add(appendMessage(nil, 3, message{typ: msgVideo, stream: 1, ts: 1 << 25, data: make([]byte, 300)}, 128))
	f.Add([]byte{0, 200, 0, 0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, 7})
	f.Add([]byte{1, 200, 9, 0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, 7, 3<<6 | 1, 200, 9, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newChunkReader(bytes.NewReader(b))
		var again []byte
		var want []message
		for {
			var m message
			err := r.read(&m)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errLimit) && !errors.Is(err, errMalform) {
					t.Fatal(err)
				}
				break
			}
			held := 0
			for _, s := range r.streams {
				held += cap(s.buf)
			}
			if len(m.data) > maxMessage(m.typ) || len(r.streams) > maxChunkStreams || r.pending > maxPending || r.pending < 0 || held > 3*len(b)+maxChunkStreams*prealloc {
				t.Fatalf("over the limits: %d bytes, %d chunk streams, %d pending, %d held", len(m.data), len(r.streams), r.pending, held)
			}
			if m.typ == msgSetChunkSize || m.typ == msgAbort || len(want) > 100 {
				continue
			}
			m.data = bytes.Clone(m.data)
			want = append(want, m)
			again = appendMessage(again, byte(2+len(want)%maxChunkStreams), m, 128)
		}
		r = newChunkReader(bytes.NewReader(again))
		for i, w := range want {
			var m message
			if err := r.read(&m); err != nil || m.typ != w.typ || m.stream != w.stream || m.ts != w.ts || !bytes.Equal(m.data, w.data) {
				t.Fatalf("message %d is %+v, %v; was %+v", i, m, err, w)
			}
		}
	})
}

// The AMF walker ends, and what it passes go-amf0 can take: as deep and as
// long as the limits say, no more.
func FuzzAMF(f *testing.F) {
	f.Add(appendAMFObject(appendAMFNumber(appendAMFString(nil, "connect"), 1), "app", "live"))
	f.Add([]byte{amfStrictArray, 0, 0, 0, 2, amfNull, amfUndefined, amfECMAArray, 0, 0, 0, 9, 0, 1, 'a', amfBoolean, 1, 0, 0, 9})
	f.Add([]byte{amfDate, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, amfLongString, 0, 0, 0, 1, 'x'})
	f.Add(bytes.Repeat([]byte{amfStrictArray, 0, 0, 0, 1}, 30))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		if checkAMF(b) == nil {
			if err := decodeAll(b); err != nil {
				t.Logf("go-amf0: %v", err) // it may refuse; it may not panic
			}
		}
		_ = amfFields(b, func(_ string, v []byte) {
			_ = amfFloat(v)
			_, _, _ = amfText(v)
		})
		_, _, _ = amfText(b)
		(&format{}).metadata(b)
	})
}

// Whatever an aggregate holds, only whole audio and video messages come out.
func FuzzAggregate(f *testing.F) {
	c := &sink{}
	aggregated(&peer{conn: c, size: 1 << 20})
	f.Add(c.Bytes()[12:])
	f.Add([]byte{8, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		err := eachAggregated(&message{typ: msgAggregate, stream: 1, ts: 5, data: b}, func(m *message) error {
			if total += len(m.data); len(m.data) == 0 || total > len(b) || m.typ != msgAudio && m.typ != msgVideo {
				t.Fatalf("%+v", m)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Configurations and access units that are no such thing do no harm.
func FuzzFrames(f *testing.F) {
	f.Add(avcConfig, avcFrame(true, 50))
	f.Add(aacConfig, aacFrame())
	f.Fuzz(func(t *testing.T, config, frame []byte) {
		s := format{allowed: newAllowance(DefaultConfig())}
		if t := (bus.Tag{Type: bus.TagVideo, Data: config}); t.IsAVCConfig() {
			_, _ = s.videoConfig(t)
		}
		if t := (bus.Tag{Type: bus.TagAudio, Data: config}); t.IsAACConfig() {
			s.audioConfig(t)
		}
		if s.video != nil {
			s.frame(frame)
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
	honest := whole(r.key.Secret)
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
		l, err := r.bus.GetLive(t.Context(), "cam")
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
	from := handshakeBytes
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
			b[i] = []byte{0, 0xff, 0x7f, 0x80, 3 << 6, amfStrictArray, amfObject}[rnd.IntN(7)]
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
