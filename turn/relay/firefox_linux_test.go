package relay

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process/processtest"
	"github.com/pion/turn/v5"
)

// relayedCall has a page call itself over a relay: ann is seen and heard by ben.
const relayedCall = `(async () => {
	const iceServers = [{ urls: 'turn:%s?transport=udp', username: 'ann', credential: %q }]
	const [ann, ben] = window.call = [0, 1].map(() => new RTCPeerConnection({ iceTransportPolicy: 'relay', iceServers }))
	ann.onicecandidate = (e) => ben.addIceCandidate(e.candidate)
	ben.onicecandidate = (e) => ann.addIceCandidate(e.candidate)
	const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
	for (const track of stream.getTracks()) ann.addTrack(track, stream)
	await ann.setLocalDescription()
	await ben.setRemoteDescription(ann.localDescription)
	await ben.setLocalDescription()
	await ann.setRemoteDescription(ben.localDescription)
})()`

// A call of Firefox, which binds no channel: its packets leave as Send indications and
// come as Data indications, all of them by the loops; pion has its requests alone.
func TestFirefoxByTheLoops(t *testing.T) {
	if os.Getenv("PSE_LONG") == "" {
		t.Skip("Firefox takes 7 s of a processor; set PSE_LONG=1")
	}
	const network = `ip link add eth0 type veth peer name other && ip link set other up && ip link set eth0 up && ip addr add 203.0.113.1/24 dev eth0 && ip route add default dev eth0`
	if !processtest.InNetwork(t, network, 3*time.Minute) { // for its ICE there is no loopback
		return
	}
	w := newWorld(t, func(cfg *Config, _ *turn.ServerConfig) {
		cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("203.0.113.1:0")}
	})
	w.ports.outer = netip.MustParseAddr("203.0.113.1")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") }))
	defer page.Close()
	f, err := browser.StartFirefox(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Go(page.URL); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Eval(fmt.Sprintf(relayedCall, w.plane.Addrs()[0], password)); err != nil {
		t.Fatal(err)
	}
	until(t, "300 packets are relayed each way", func() bool {
		s := w.plane.Stats()
		return s.ToPeers.Packets > 300 && s.ToClient.Packets > 300
	})
	if s, pions := w.plane.Stats(), w.plane.written.packets.Load(); s.Passed > 100 || pions > 0 {
		t.Errorf("pion sent %d packets to peers: %+v", pions, s)
	}
}
