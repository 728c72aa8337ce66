package signal

import (
	"fmt"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/replay"
)

// Config configures signalling.
type Config struct {
	MaxMembers int `yaml:"max_members"` // in one room

	// A client that disconnected silently is noticed after at most ping_interval + ping_timeout.
	PingInterval time.Duration `yaml:"ping_interval"`
	PingTimeout  time.Duration `yaml:"ping_timeout"`
	Grace        time.Duration `yaml:"grace"`     // how long one that can reconnect keeps its place after its connection broke
	OldGrace     time.Duration `yaml:"old_grace"` // the same for an old app, which cannot; while pages of the room still get its picture or sound, grace
	Recovery     time.Duration `yaml:"recovery"`  // as grace, after its worker died or stopped

	MaxPayload     int           `yaml:"max_payload"`      // bytes of one message
	MaxSessions    int           `yaml:"max_sessions"`     // connections to this worker
	MaxPerIP       int           `yaml:"max_per_ip"`       // connections to this worker from one address; 0: no limit
	JoinsPerMinute int           `yaml:"joins_per_minute"` // from one address, to this worker; 0: no limit
	Rate           float64       `yaml:"rate"`             // packets a second from one client, in the long run; 0: no limit
	Burst          int           `yaml:"burst"`            // and at once
	RateBytes      int           `yaml:"rate_bytes"`       // bytes a second from one client, in the long run; 0: no limit
	BurstBytes     int           `yaml:"burst_bytes"`      // and at once
	TotalBytes     int           `yaml:"total_bytes"`      // bytes a second from all clients of this worker: over it those that send much are disconnected; 0: no limit
	MemoryMiB      int           `yaml:"memory_mib"`       // for what clients that reconnect may have missed
	MemberKiB      int           `yaml:"member_kib"`       // of it, for one client
	Linger         time.Duration `yaml:"linger"`           // messages are gathered for so long at most, the fewer there are the shorter

	Origins    []string `yaml:"origins"`     // browsers' pages that may connect, as https://example.org; none: all
	TrustProxy bool     `yaml:"trust_proxy"` // old: the program has it of all that is HTTP

	ICEServers []string `yaml:"ice_servers" secret:"ice"`  // besides ours: "stun:host:port", or "turn:host:port user password"
	Passphrase string   `yaml:"passphrase" secret:"value"` // that clients need to join; empty: none
	Links      bool     `yaml:"links"`                     // clients need a signed link (pse call link), or the passphrase if there is one

	Hook bus.HookConfig `yaml:"hook"`
}

// DefaultConfig is what holds when nothing is configured.
func DefaultConfig() Config {
	return Config{
		MaxMembers: 6, PingInterval: 5 * time.Second, PingTimeout: 5 * time.Second,
		Grace: 30 * time.Second, OldGrace: 4 * time.Second, Recovery: 30 * time.Second,
		MaxPayload: 1_000_000, MaxSessions: 50_000, MaxPerIP: 1000, JoinsPerMinute: 600, Rate: 200, Burst: 1000,
		// The log of calls (1 GiB) then holds more than the minute that it must.
		RateBytes: 256 << 10, BurstBytes: 8 << 20, TotalBytes: 8 << 20,
		MemoryMiB: 64, MemberKiB: 1024, Linger: 40 * time.Millisecond,
		Hook: bus.HookConfig{Timeout: 5 * time.Second},
	}
}

// acceptTime is for a client to be admitted or restored, a bus that is away for a
// moment included.
const acceptTime = 15 * time.Second

// noticing is how long it takes at most until a worker sees that a client's
// time is over, or that its worker is dead.
const noticing = 5 * time.Second

// unheard is for how long a client may have received nothing when its grace period
// begins.
func (c Config) unheard() time.Duration { return c.PingInterval + c.PingTimeout + noticing }

// Validate reports the first key that is wrong, and what to write.
func (c Config) Validate() error {
	switch {
	case c.MaxMembers < 2 || c.MaxMembers > 64:
		return fmt.Errorf("signal.max_members is %d; use 2 to 64", c.MaxMembers)
	case c.PingInterval < 100*time.Millisecond || c.PingTimeout < 100*time.Millisecond:
		return fmt.Errorf("signal.ping_interval and ping_timeout are %s and %s; use at least 100ms", c.PingInterval, c.PingTimeout)
	case c.Grace < 0 || c.Grace > time.Minute:
		return fmt.Errorf("signal.grace is %s; use 0s to 1m", c.Grace)
	case c.OldGrace < 0:
		return fmt.Errorf("signal.old_grace is %s; use 0s or more", c.OldGrace)
	case c.Recovery < time.Second:
		return fmt.Errorf("signal.recovery is %s; use at least 1s", c.Recovery)
	case c.unheard()+max(c.Grace, c.Recovery) > bus.CallsAge:
		return fmt.Errorf("signal.ping_interval, ping_timeout and the longer of grace and recovery are %s, %s and %s; use less than %s together, or a client that comes back could have missed what the log forgot", c.PingInterval, c.PingTimeout, max(c.Grace, c.Recovery), bus.CallsAge-noticing)
	case c.MaxPayload < 1000 || c.MaxPayload > 2_000_000:
		return fmt.Errorf("signal.max_payload is %d; use 1000 to 2000000", c.MaxPayload)
	case c.MaxSessions < 1 || c.MaxPerIP < 0 || c.JoinsPerMinute < 0:
		return fmt.Errorf("signal.max_sessions, max_per_ip and joins_per_minute are %d, %d and %d; use at least 1, 0 and 0", c.MaxSessions, c.MaxPerIP, c.JoinsPerMinute)
	case c.Rate < 0 || c.Rate > 0 && c.Burst < 1:
		return fmt.Errorf("signal.rate and burst are %v and %d; use a burst of at least 1, or a rate of 0", c.Rate, c.Burst)
	case c.RateBytes < 0 || c.TotalBytes < 0 || c.RateBytes > 0 && c.BurstBytes < c.MaxPayload:
		return fmt.Errorf("signal.rate_bytes, burst_bytes and total_bytes are %d, %d and %d; use at least signal.max_payload, %d, at once, or rates of 0", c.RateBytes, c.BurstBytes, c.TotalBytes, c.MaxPayload)
	case c.TotalBytes > 0 && c.RateBytes == 0:
		return fmt.Errorf("signal.total_bytes is %d while rate_bytes is 0; give both, or set total_bytes to 0", c.TotalBytes)
	case c.MemoryMiB < 1 || c.MemberKiB < 1:
		return fmt.Errorf("signal.memory_mib and member_kib are %d and %d; use at least 1", c.MemoryMiB, c.MemberKiB)
	case c.Linger < 0 || c.Linger > 100*time.Millisecond:
		return fmt.Errorf("signal.linger is %s; use 0s to 100ms", c.Linger)
	}
	for _, s := range c.ICEServers {
		if _, err := parseICEServer(s); err != nil {
			return err
		}
	}
	return nil
}

// replay is what bounds the replay buffer.
func (c Config) replay() replay.Config {
	return replay.Config{MaxBytes: c.MemoryMiB << 20, MaxMemberBytes: c.MemberKiB << 10, MaxAge: bus.CallsAge}
}

// parseICEServer reads "stun:host:port" or "turn:host:port user password".
func parseICEServer(s string) (bus.ICEServer, error) {
	f := strings.Fields(s)
	bad := fmt.Errorf("signal.ice_servers has one of %d words that is no server; write stun:host:port, or turn:host:port user password", len(f)) // the words may be secret
	if len(f) == 0 {
		return bus.ICEServer{}, bad
	}
	scheme, _, _ := strings.Cut(f[0], ":")
	switch {
	case (scheme == "stun" || scheme == "stuns") && len(f) == 1:
		return bus.ICEServer{URLs: f}, nil
	case (scheme == "turn" || scheme == "turns") && len(f) == 3:
		return bus.ICEServer{URLs: f[:1], Username: f[1], Credential: f[2]}, nil
	}
	return bus.ICEServer{}, bad
}

// oldGrace is how long an old app keeps its place that no page hears: no longer than others do.
func (c Config) oldGrace() time.Duration { return min(c.OldGrace, c.Grace) }
