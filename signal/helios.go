package signal

import (
	"encoding/json"
	"net"

	"github.com/helios-h2020/pse/signal/socketio"
)

// tellAddresses answers "ipaddr": one event for each IPv4 address of this
// machine that is not of the loopback.
func (m *member) tellAddresses() {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return // the client waits for none in particular
	}
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.IsLoopback() || n.IP.To4() == nil {
			continue
		}
		_ = m.socket.Emit(socketio.Event{Name: "ipaddr", Args: []json.RawMessage{quote(n.IP.String())}})
	}
}
