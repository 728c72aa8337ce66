package engineio

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Config says how sessions are served and how much they may take. Start from
// DefaultConfig and set Open.
type Config struct {
	// Open returns the Handler of a new session, before any message of it
	// comes; nil refuses the session. Send works already. r is only valid
	// during the call.
	Open func(s *Session, r *http.Request) Handler

	PingInterval   time.Duration // from a pong to the next ping
	PingTimeout    time.Duration // a client that is silent for so long after a ping has disconnected
	UpgradeTimeout time.Duration // from the WebSocket's opening to its upgrade packet
	WriteTimeout   time.Duration // for one WebSocket message; and for a POST's body to come

	MaxPayload       int // bytes of one POST body or WebSocket message
	MaxQueue         int // packets that wait for one client
	MaxQueueBytes    int // bytes that wait for one client
	MaxSessions      int // of this server
	MaxSessionsPerIP int // of one address, of IPv6 one /64; 0 = no limit of its own

	// Flow is how much clients may send. One that sends more is disconnected.
	Flow Flow

	// EIO3 admits clients of revision 3 (socket.io-client 1 and 2).
	EIO3 bool

	Origins     []string // of pages that may connect, as "https://example.org"; none: all
	Credentials bool     // the listed ones may send cookies

	// ClientIP is the address of the client that made a request; nil = the address it came from.
	ClientIP func(*http.Request) string

	// Token begins the ids of this server's sessions, and Forward carries
	// requests for other tokens to their owner. Without Forward all others are unknown.
	Token   string
	Forward Forward
}

// DefaultConfig has the numbers of the Node.js server, and limits.
func DefaultConfig() Config {
	return Config{
		PingInterval:     25 * time.Second,
		PingTimeout:      20 * time.Second,
		UpgradeTimeout:   10 * time.Second,
		WriteTimeout:     10 * time.Second,
		MaxPayload:       1e6,
		MaxQueue:         1024,
		MaxQueueBytes:    4 << 20,
		MaxSessions:      100_000,
		MaxSessionsPerIP: 0,
		Flow:             Flow{Packets: 200, PacketsBurst: 1000},
		EIO3:             true,
	}
}

// Validate reports the first field that is wrong, and what would be right.
func (c Config) Validate() error {
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"PingInterval", c.PingInterval}, {"PingTimeout", c.PingTimeout}, {"UpgradeTimeout", c.UpgradeTimeout}, {"WriteTimeout", c.WriteTimeout}} {
		if d.d < time.Millisecond {
			return fmt.Errorf("%s is %v; at least 1ms is needed", d.name, d.d)
		}
	}
	for _, n := range []struct {
		name string
		n    int
	}{{"MaxPayload", c.MaxPayload}, {"MaxQueue", c.MaxQueue}, {"MaxQueueBytes", c.MaxQueueBytes}, {"MaxSessions", c.MaxSessions}} {
		if n.n < 1 {
			return fmt.Errorf("%s is %d; at least 1 is needed", n.name, n.n)
		}
	}
	if err := c.Flow.validate(c.MaxPayload); err != nil {
		return err
	}
	switch {
	case c.Open == nil:
		return errors.New("nobody opens sessions: set Open")
	case strings.ContainsFunc(c.Token, func(r rune) bool { return !isToken(r) }):
		return fmt.Errorf("token %q has more than letters, digits, '-' and '_'", c.Token)
	case c.Forward != nil && c.Token == "":
		return errors.New("Forward needs a Token that tells this worker's sessions")
	case c.Credentials && len(c.Origins) == 0:
		return errors.New("cookies (Credentials) for any origin would let every site act for its visitors; list Origins")
	}
	return nil
}

// clientIP is the address that a request counts for.
func (c Config) clientIP(r *http.Request) string {
	if c.ClientIP != nil {
		return c.ClientIP(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
