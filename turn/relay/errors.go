package relay

import "errors"

// ErrUnsupported is returned by New where there are no shards. pion's own path
// does the same work, at more CPU time a packet.
var ErrUnsupported = errors.New("no data plane on this system: let pion relay")

// What is no message of a client's (MessageSize).
var (
	ErrTooLong = errors.New("a message that is longer than one may be")
	ErrNotTURN = errors.New("neither STUN nor ChannelData")
)

var (
	errNoListen = errors.New("nowhere to listen: set Config.Listen")
	errNoPorts  = errors.New("no ports for relays: set Config.Ports")
	errCoalesce = errors.New("coalescing takes 0 to 5 ms: set Config.Coalesce")
	errShards   = errors.New("between 0 (one per core) and 256 shards: set Config.Shards")
	errNoTCP    = errors.New("TCP allocations are not relayed here: set Config.TCP")
	errNotUDP   = errors.New("not a UDP address")
	errFamily   = errors.New("a peer of the other address family")
	errBlocked  = errors.New("packets may not go to this peer")
	errRate     = errors.New("over the bits a second that are allowed")
)
