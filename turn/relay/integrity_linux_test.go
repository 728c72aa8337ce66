package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

const stampSize = 8 + sha256.Size // of a payload: sender, number, and the hash of all

// stamp makes a payload that says its sender and its number.
func stamp(who, which uint32, size int) []byte {
	b := make([]byte, stampSize+size)
	binary.BigEndian.PutUint32(b, who)
	binary.BigEndian.PutUint32(b[4:], which)
	for i := stampSize; i < len(b); i++ {
		b[i] = byte(rand.Uint32())
	}
	sum := sha256.Sum256(append(bytes.Clone(b[:8]), b[stampSize:]...))
	copy(b[8:], sum[:])
	return b
}

func readStamp(b []byte) (who, which uint32, ok bool) {
	if len(b) < stampSize {
		return 0, 0, false
	}
	sum := sha256.Sum256(append(bytes.Clone(b[:8]), b[stampSize:]...))
	return binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), bytes.Equal(sum[:], b[8:stampSize])
}

// A talker sends to an echo and to another talker, each by channel and by
// indication, and looks at all that comes.
type talker struct {
	*client
	t           *testing.T
	id          uint32
	echo        net.Addr
	other       *talker
	channels    bool
	mu          sync.Mutex
	seen        map[string]bool // guarded by mu; "who which path"
	mine, heard int             // guarded by mu: my packets that came back, the other's that came
	arrived     chan struct{}   // something has come
}

// listen looks at packets until the socket is closed.
func (k *talker) listen() {
	b := make([]byte, 3000)
	_ = k.SetReadDeadline(time.Time{})
	for {
		n, _, err := k.ReadFrom(b)
		if err != nil {
			return
		}
		payload, peer := k.open(b[:n])
		who, which, ok := readStamp(payload)
		if !ok {
			k.t.Errorf("talker %d: corrupt, %d bytes", k.id, n)
			continue
		}
		want, path := k.id, k.echo
		if peer == k.other.relay.String() {
			want, path = k.other.id, k.other.relay
		}
		if who != want || peer != path.String() {
			k.t.Errorf("talker %d: from talker %d by %s", k.id, who, peer)
		}
		key := fmt.Sprint(who, which, peer)
		k.mu.Lock()
		if k.seen[key] {
			k.t.Errorf("talker %d: %s came twice", k.id, key)
		}
		k.seen[key] = true
		if who == k.id {
			k.mine++
		} else {
			k.heard++
		}
		k.mu.Unlock()
		for _, of := range []*talker{k, k.other} {
			select {
			case of.arrived <- struct{}{}:
			default:
			}
		}
	}
}

// open takes a payload out of ChannelData or a Data indication.
func (k *talker) open(b []byte) (payload []byte, peer string) {
	if number, n, ok := parseChannelData(b); ok {
		if number == bound {
			return b[channelHeader:][:n], k.echo.String()
		}
		return b[channelHeader:][:n], k.other.relay.String()
	}
	m := &stun.Message{Raw: b}
	var from stun.XORMappedAddress
	if m.Decode() != nil || from.GetFromAs(m, stun.AttrXORPeerAddress) != nil {
		return nil, ""
	}
	payload, _ = m.Get(stun.AttrData)
	return payload, from.String()
}

// talk sends bursts, each after the last has arrived or is given up. It returns
// how many packets did not arrive.
func (k *talker) talk(bursts int) (lost int) {
	echoed, said := 0, 0
	for range bursts {
		for range 1 + rand.IntN(16) {
			which := uint32(echoed + said)
			number, peer := uint16(bound), k.echo
			if rand.IntN(2) == 0 {
				number, peer = bound+1, k.other.relay
				said++
			} else {
				echoed++
			}
			size := rand.IntN(1350)
			if rand.IntN(3) > 0 {
				size = 1152 // runs of one size become one message
			}
			b := stamp(k.id, which, size)
			if !k.channels || rand.IntN(4) == 0 {
				k.send(sendIndication(netip.MustParseAddrPort(peer.String()), b))
			} else {
				k.send(channelData(number, b))
			}
		}
		give := time.After(time.Second)
		for !k.complete(echoed, said) {
			select {
			case <-k.arrived:
				continue
			case <-give:
			}
			break
		}
	}
	k.mu.Lock()
	lost = echoed - k.mine
	k.mu.Unlock()
	k.other.mu.Lock()
	defer k.other.mu.Unlock()
	return lost + said - k.other.heard
}

func (k *talker) complete(echoed, said int) bool {
	k.mu.Lock()
	mine := k.mine
	k.mu.Unlock()
	k.other.mu.Lock()
	defer k.other.mu.Unlock()
	return mine == echoed && k.other.heard == said
}

// 16 clients talk to an echo and to each other, on several shards: nothing is
// corrupt, comes twice or from a wrong place.
func TestIntegrity(t *testing.T) {
	bursts := 50
	if os.Getenv("PSE_LONG") != "" {
		bursts = 3000
	}
	w := newWorld(t, func(c *Config, _ *turn.ServerConfig) { c.Shards = 2 })
	echo := w.peer("udp4").(*net.UDPConn)
	_ = echo.SetReadBuffer(4 << 20)
	go func() {
		b := make([]byte, 3000)
		for {
			n, from, err := echo.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = echo.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	all := make([]*talker, 16)
	for i := range all {
		all[i] = &talker{
			client: w.raw(fmt.Sprint("user", i)), t: t, id: uint32(i), echo: echo.LocalAddr(),
			seen: map[string]bool{}, arrived: make(chan struct{}, 1),
		}
	}
	for i, k := range all {
		k.other = all[i^1]
		k.permit(echo.LocalAddr())
		if k.channels = i%4 < 3; k.channels { // one of four gets Data indications
			k.bind(bound, echo.LocalAddr())
			k.bind(bound+1, k.other.relay)
		}
	}
	var listening, talking sync.WaitGroup
	for _, k := range all {
		listening.Go(k.listen)
	}
	lost := make([]int, len(all))
	for i, k := range all {
		talking.Go(func() { lost[i] = k.talk(bursts) })
	}
	talking.Wait()
	sum, s := 0, w.plane.Stats()
	for _, n := range lost {
		sum += n
	}
	for _, k := range all {
		_ = k.Close()
	}
	listening.Wait()
	t.Logf("%d lost, %+v", sum, s)
	if sum > 0 {
		t.Errorf("%d packets did not come", sum)
	}
}
