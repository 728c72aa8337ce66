package signal

import (
	"encoding/json"
	"net"

	"github.com/helios-h2020/pse/signal/socketio"
)

// sendAddresses answers "ipaddr" (HELIOS): one event for each IPv4 address of this
// machine other than the loopback's.
func sendAddresses(s socket) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return // no client needs the answer
	}
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.IsLoopback() || n.IP.To4() == nil {
			continue
		}
		_ = s.Emit(socketio.Event{Name: "ipaddr", Args: []json.RawMessage{quote(n.IP.String())}})
	}
}
