package rtmp

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// house is a Publisher and Sink of all connections, that keeps what it is told.
type house struct {
	login   bool
	refuses error // of Publish

	mu      sync.Mutex
	said    []string
	tags    map[byte]int
	codes   []string
	ended   chan bool // clean
	flowing bool
}

func (h *house) Connect(app, software string, query map[string]string) (bool, error) {
	h.note(app, software, query["at"])
	return h.login, nil
}

func (h *house) Login(proved func(string) bool) error {
	if !proved("secret") {
		return errors.New("another password")
	}
	return nil
}

func (h *house) Publish(name string, query map[string]string) (Sink, error) {
	h.note(name, query["key"])
	if h.refuses != nil {
		return nil, h.refuses
	}
	return h, nil
}

func (h *house) Tag(kind byte, _ uint32, _ []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tags[kind]++
	h.flowing = true
	return nil
}

func (h *house) Flowing() bool { return h.flowing }

func (h *house) End(clean bool, _ *StatusError) { h.ended <- clean }

func (h *house) note(words ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, words...)
}

func (h *house) counted() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.codes)
}

// serve runs a server for a house, on this machine's loopback.
func serve(t *testing.T, h *house) net.Addr {
	t.Helper()
	h.tags, h.ended = map[byte]int{}, make(chan bool, 10)
	s := NewServer(Config{
		MaxConnections: 10, MaxPerIP: 10, SetupTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second,
		Codecs: func() (video, audio []Codec) {
			return []Codec{{"avc1", CanDecode | CanForward}, {"hvc1", CanDecode}}, []Codec{{"mp4a", CanForward}}
		},
		Accept: func(Peer) Publisher { return h }, Received: new(atomic.Uint64), TurnedAway: func() {}, Skipped: func() {}, Log: zap.NewNop(),
		Refused: func(code string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.codes = append(h.codes, code)
		},
	})
	l, err := s.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(l)
	t.Cleanup(func() { s.Stop(); s.Wait() })
	return l.Addr()
}

// What a peer says and sends reaches the room above, and nothing else is needed for it.
func TestWhatIsPublishedReachesTheSink(t *testing.T) {
	h := &house{}
	p := rtmptest.Dial(t, serve(t, h))
	p.MustPublish("live/?at=home", "cam?key=k3y")
	p.Configs(0)
	p.Frames(0, 10)
	p.Stop("cam")
	if clean := <-h.ended; !clean {
		t.Error("who said goodbye is taken for lost")
	}
	if want := []string{"live", "peer", "home", "cam", "k3y"}; !slices.Equal(h.said, want) {
		t.Errorf("%q, not %q", h.said, want)
	}
	if h.tags[chunk.Video] != 11 || h.tags[chunk.Audio] != 21 {
		t.Errorf("tags by type: %v", h.tags)
	}
}

// A status is told to the peer and counted, another error too; a step of the
// scheme of user and password is told alone.
func TestErrorsOfThePublisher(t *testing.T) {
	h := &house{refuses: Errorf(CodeDenied, "not on %s", "Sundays")}
	p := rtmptest.Dial(t, serve(t, h))
	if f := p.Publish("live", "cam"); f["code"] != CodeDenied || f["description"] != "not on Sundays" || f["level"] != "error" {
		t.Errorf("told %v", f)
	}
	p.HungUp()
	if got := h.counted(); !slices.Equal(got, []string{CodeDenied}) {
		t.Errorf("counted %v", got)
	}
	h = &house{refuses: errors.New("no room")}
	p = rtmptest.Dial(t, serve(t, h))
	if f := p.Publish("live", "cam"); f["code"] != CodeFailed || !strings.Contains(f["description"], "no room") {
		t.Errorf("told %v", f)
	}
	p.HungUp()
	h = &house{login: true}
	p = rtmptest.Dial(t, serve(t, h))
	if f := p.Connect("live"); f["code"] != CodeConnectRejected || f["description"] != adobeReject+"[ code=403 need auth; authmod=adobe ] : " {
		t.Errorf("told %v", f)
	}
	p.HungUp()
	if got := h.counted(); len(got) != 0 {
		t.Errorf("a step of the scheme is counted: %v", got)
	}
}

// replay is a connection whose peer has sent everything already.
type replay struct{ rtmptest.Buffer }

func (*replay) SetReadDeadline(time.Time) error { return nil }

// discard is a sink.
type discard struct{ n int }

func (d *discard) Tag(byte, uint32, []byte) error { d.n++; return nil }
func (*discard) Flowing() bool                    { return true }
func (*discard) End(bool, *StatusError)           {}

// A tag costs no allocation on its way from the socket to the sink.
func TestNoAllocationPerTag(t *testing.T) {
	const tags = 3000
	in := &replay{}
	p := rtmptest.New(t, in)
	p.ChunkSize = 4096
	p.Send(2, chunk.Message{Type: chunk.SetChunkSize, Data: []byte{0, 0, 16, 0}})
	for i := range uint32(tags + 10) {
		p.Video(i*40, rtmptest.AVCFrame(false, 5000))
	}
	sink := &discard{}
	f := newFilter(&limitedConn{Conn: in, idle: time.Hour, in: new(atomic.Uint64), publishing: true})
	f.chunks, f.window, f.stream = chunk.NewReader(f.limitedConn), 1<<40, 1
	f.media = (&conn{filter: f, sink: sink}).tag
	for range 5 { // until the buffers are there
		if err := f.next(); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(tags, func() {
		if err := f.next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 || sink.n < tags {
		t.Errorf("%v allocations a tag, %d tags", n, sink.n)
	}
}
