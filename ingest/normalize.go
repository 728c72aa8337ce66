package ingest

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	handshakeBytes = 1 + 1536 + 1536 // C0, C1, C2
	maxCommands    = 64              // of one connection; an honest one sends about eight
	outChunk       = 64 << 10        // our chunk size; ffmpeg mirrors it, which saves both sides work
	ackWindow      = 2_500_000       // bytes between our acknowledgements, unless the client asks otherwise
)

// normalizer stands between a publisher's socket and go-rtmp, which must never
// see hostile bytes. The library reads from it a clean stream of one-chunk
// command messages, in AMF0 that was checked. Media goes past the library,
// straight to the session. All but Write belongs to the library's reading
// goroutine.
type normalizer struct {
	*guard
	handshake int // bytes of it to come
	chunks    *chunkReader
	head      []byte // what the library reads next...
	body      []byte // ...and then this
	commands  int

	stream uint32               // the message stream that publishes
	media  func(*message) error // takes its messages; nil: nobody publishes

	goodbye func() // called when the publisher says that it stops

	window   uint64 // acknowledge as many bytes
	acked    uint64
	unread   bool       // the peer does not read
	writes   sync.Mutex // one message at a time on the socket
	silenced atomic.Bool
}

func newNormalizer(g *guard) *normalizer {
	return &normalizer{guard: g, handshake: handshakeBytes, window: ackWindow}
}

// Read is the library's.
func (n *normalizer) Read(p []byte) (int, error) {
	if n.handshake > 0 {
		k, err := n.guard.Read(p[:min(len(p), n.handshake)])
		n.handshake -= k
		return k, err
	}
	if n.chunks == nil {
		n.chunks = newChunkReader(n.guard)
		// From here on one chunk holds any message.
		n.head = appendMessage(n.head, 2, message{typ: msgSetChunkSize, data: []byte{0, 0xff, 0xff, 0xff}}, 128)
	}
	for len(n.head) == 0 && len(n.body) == 0 {
		if err := n.next(); err != nil {
			return 0, err
		}
	}
	k := copy(p, n.head)
	n.head = n.head[k:]
	if len(n.head) == 0 {
		j := copy(p[k:], n.body)
		n.body = n.body[j:]
		k += j
	}
	return k, nil
}

// next takes one message off the socket, and leaves it for the library if it is a command.
func (n *normalizer) next() error {
	var m message
	if err := n.chunks.read(&m); err != nil {
		return err
	}
	if n.read-n.acked >= n.window && !n.unread {
		n.acknowledge()
	}
	switch m.typ {
	case msgAudio, msgVideo, msgAggregate, msgData:
		return n.toSession(&m)
	case msgData3, msgCommand3: // an AMF3 message: one byte, then AMF0 (all encoders) or an AMF3 marker (none)
		if len(m.data) < 2 || m.data[0] != 0 {
			return nil
		}
		m.typ, m.data = m.typ+3, m.data[1:]
		if m.typ == msgData {
			return n.toSession(&m)
		}
		return n.toLibrary(&m)
	case msgCommand:
		return n.toLibrary(&m)
	case msgWindowAck: // smaller ones would have us acknowledge all day
		if len(m.data) >= 4 {
			n.window = max(uint64(binary.BigEndian.Uint32(m.data)), 64<<10)
		}
	}
	return nil // all else means nothing to who takes a stream
}

func (n *normalizer) toSession(m *message) error {
	if n.media == nil || m.stream != n.stream || len(m.data) == 0 {
		return nil
	}
	if m.typ == msgAggregate {
		return eachAggregated(m, n.media)
	}
	if m.typ == msgData {
		if err := checkAMF(m.data); err != nil {
			return err
		}
	}
	return n.media(m)
}

// eachAggregated takes an aggregate message apart (RTMP 1.0, 7.1.6): FLV tags
// whose times count from the message's own.
func eachAggregated(m *message, f func(*message) error) error {
	var base uint32
	for first, b := true, m.data; len(b) >= 11; first = false {
		size := int(uint24(b[1:]))
		if len(b) < 11+size {
			break
		}
		ts := uint24(b[4:]) | uint32(b[7])<<24
		if first {
			base = ts
		}
		if typ := b[0]; size > 0 && (typ == msgAudio && size <= maxMessage(msgAudio) || typ == msgVideo && size <= maxVideo) {
			if err := f(&message{typ: typ, stream: m.stream, ts: m.ts + ts - base, data: b[11 : 11+size]}); err != nil {
				return err
			}
		}
		b = b[min(len(b), 11+size+4):]
	}
	return nil
}

// known are the commands the library gets to see.
func known(command string) bool {
	switch command {
	case "connect", "createStream", "releaseStream", "FCPublish", "publish", "FCUnpublish", "deleteStream", "closeStream", "play":
		return true
	}
	return false
}

func (n *normalizer) toLibrary(m *message) error {
	if n.commands++; n.commands > maxCommands {
		return fmt.Errorf("%w: %d", errCommands, n.commands)
	}
	if err := checkAMF(m.data); err != nil {
		return err
	}
	name, args, ok := amfText(m.data)
	if !ok || !known(name) {
		return nil
	}
	switch name {
	case "FCUnpublish", "closeStream":
		n.goodbye()
	case "deleteStream":
		n.goodbye()
		// Transaction, null, and a stream's number. GStreamer sends its name, which the library takes ill.
		if len(args) < 9+1+9 || args[9] != amfNull || args[10] != amfNumber {
			return nil
		}
	}
	n.head = appendHeader(n.head[:0], 3, *m, len(m.data))
	n.body = m.data
	return nil
}

// acknowledge tells the publisher how much arrived (RTMP 1.0, 5.4.3). The
// library cannot: it does not see the media. Some encoders never read: when
// there is no room left they get no more.
func (n *normalizer) acknowledge() {
	n.acked = n.read
	m := message{typ: msgAck, data: binary.BigEndian.AppendUint32(nil, uint32(n.read))}
	n.writes.Lock()
	defer n.writes.Unlock()
	n.unread = n.silenced.Load() || !n.offer(appendMessage(nil, 2, m, outChunk))
}

// Write is the library's and ours. After a refusal the library has no say.
func (n *normalizer) Write(p []byte) (int, error) {
	n.writes.Lock()
	defer n.writes.Unlock()
	if n.silenced.Load() {
		return len(p), nil
	}
	return n.guard.Write(p)
}

// refuse writes the status that r stands for as the connection's last word.
// On the control stream (0) it answers the command connect.
func (n *normalizer) refuse(stream uint32, r *refusal) {
	command, transaction := "onStatus", 0.0
	if stream == 0 {
		command, transaction = "_error", 1
	}
	b := appendAMFNumber(appendAMFString(nil, command), transaction)
	b = append(b, amfNull)
	b = appendAMFObject(b, "level", "error", "code", r.Code, "description", r.Text)
	// The library's announcement of our chunk size may still be on its way.
	out := appendMessage(nil, 2, message{typ: msgSetChunkSize, data: binary.BigEndian.AppendUint32(nil, outChunk)}, 128)
	out = appendMessage(out, 7, message{typ: msgCommand, stream: stream, data: b}, outChunk)
	n.writes.Lock()
	defer n.writes.Unlock()
	if n.silenced.Swap(true) {
		return
	}
	_, _ = n.guard.Write(out)
	n.linger.Store(true)
}
