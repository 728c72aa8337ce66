package event

// RelayOpened says that a client got an address at the relay (TURN allocation).
type RelayOpened struct {
	Relay     string `json:"relay"`     // names this allocation
	User      string `json:"user"`      // of the credentials
	Transport string `json:"transport"` // between client and relay: "udp", "tcp", "tls", "dtls"
	Protocol  string `json:"protocol"`  // between relay and peers: "udp" or "tcp"
	Family    int    `json:"family"`    // of the address: 4 or 6
	OpenedAt  int64  `json:"opened_at"` // unix ms
}

// Topic implements Event.
func (RelayOpened) Topic() string { return "relay.opened" }

// Resource implements Event.
func (e RelayOpened) Resource() string { return e.Relay }

// Key implements Event.
func (RelayOpened) Key() string { return "1" }

// RelayClosed says that the address was given back. Whom it talked to is not
// told. What it relayed is zero where nobody counted.
type RelayClosed struct {
	Relay           string `json:"relay"`
	User            string `json:"user"`
	Transport       string `json:"transport"`
	Protocol        string `json:"protocol"`
	Family          int    `json:"family"`
	OpenedAt        int64  `json:"opened_at"`      // unix ms
	ClosedAt        int64  `json:"closed_at"`      // unix ms
	BytesToPeers    uint64 `json:"bytes_to_peers"` // of payload
	PacketsToPeers  uint64 `json:"packets_to_peers"`
	BytesToClient   uint64 `json:"bytes_to_client"` // of payload
	PacketsToClient uint64 `json:"packets_to_client"`
	// Reason is for people, where nobody gave it back: "the relay's worker was
	// lost". Then it closed when that was last known to be there, and the counts
	// are of then.
	Reason string `json:"reason,omitempty"`
}

// Topic implements Event.
func (RelayClosed) Topic() string { return "relay.closed" }

// Resource implements Event.
func (e RelayClosed) Resource() string { return e.Relay }

// Key implements Event.
func (RelayClosed) Key() string { return "1" }

// Opened is what was told of it when it was opened.
func (e RelayClosed) Opened() RelayOpened {
	return RelayOpened{Relay: e.Relay, User: e.User, Transport: e.Transport, Protocol: e.Protocol, Family: e.Family, OpenedAt: e.OpenedAt}
}
