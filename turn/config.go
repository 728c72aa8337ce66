package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// longestTTL is how long credentials that we make may be good, at most.
const longestTTL = 7 * 24 * time.Hour

// Config configures the relay.
type Config struct {
	Listen    string `yaml:"listen"`     // host:port for UDP and TCP; several with commas; without a host: all addresses, IPv4 and IPv6
	TLSListen string `yaml:"tls_listen"` // the same for TLS and DTLS; empty: none

	PublicHost   string   `yaml:"public_host"`   // name or address by which clients reach us; empty: the external address, else the host they used already
	PublicTLS    bool     `yaml:"public_tls"`    // clients are told of TLS too although the certificate is PSE's private one: all of them trust it
	PublicNames  []string `yaml:"-"`             // that certificates of TLS may be for, and addresses: the owner says that they lead here
	RelayIPs     []string `yaml:"relay_ips"`     // addresses of ours to relay from; none: that of the route to elsewhere, of each family
	ExternalIPs  []string `yaml:"external_ips"`  // what those are from outside: "public", or "public/ours"
	OtherAddress string   `yaml:"other_address"` // a second address of ours and a second port, as 203.0.113.6:3479: STUN answers there too, for clients that find out about their NAT (RFC 5780); empty: it does not
	MinPort      int      `yaml:"min_port"`      // of what is relayed from
	MaxPort      int      `yaml:"max_port"`
	TCPRelay     bool     `yaml:"tcp_relay"` // TCP to peers too (RFC 6062)

	Realm     string        `yaml:"realm"`
	UsersFile string        `yaml:"users_file"`             // "user:password" or "user:0xKEY" a line; read anew when it changes
	Users     []string      `yaml:"-"`                      // lines as in that file, of a turnserver.conf
	Secrets   []string      `yaml:"secrets" secret:"value"` // for apps that make credentials of the form expiry:user themselves
	TTL       time.Duration `yaml:"ttl"`                    // of the credentials that we make
	Rotate    time.Duration `yaml:"rotate"`                 // how often the secret that they are made with changes
	NonceLife time.Duration `yaml:"nonce_life"`
	Coturn    string        `yaml:"coturn"` // a turnserver.conf that is read over this section

	AllowPeers []string `yaml:"allow_peers"` // networks that are relayed to although they are private, special, or next to this machine
	DenyPeers  []string `yaml:"deny_peers"`  // networks that are not relayed to although they are public

	MaxAllocations  int `yaml:"max_allocations"`  // of this worker
	UserAllocations int `yaml:"user_allocations"` // of one user at this worker; of one of the users' file, whom many people may be, from one address; 0: no limit
	AllocationBPS   int `yaml:"allocation_bps"`   // bits a second of one allocation, both ways together; 0: no limit
	UserBPS         int `yaml:"user_bps"`         // of all allocations of a user
	TotalBPS        int `yaml:"total_bps"`        // of this worker
	MaxPermissions  int `yaml:"max_permissions"`  // of an allocation
	MaxChannels     int `yaml:"max_channels"`     // of an allocation

	// Of users whose credentials we made, as for members of calls: anybody may
	// get those. Over the bits a second packets are dropped; a user whose
	// bytes are used up has the rate that makes them in a day, and gets no new allocation (486).
	// 0: no limit.
	GuestBPS                int   `yaml:"guest_bps"`                 // bits a second of all allocations of a user, both ways together
	GuestBytes              int64 `yaml:"guest_bytes"`               // bytes at once, and then a day
	GuestAddressBPS         int   `yaml:"guest_address_bps"`         // the same of all that come from one address (of IPv6: a /64)
	GuestAddressBytes       int64 `yaml:"guest_address_bytes"`       //
	GuestAddressAllocations int   `yaml:"guest_address_allocations"` // allocations from one address, beyond: 486

	AllocationsPerMinute  int `yaml:"allocations_per_minute"`  // from one address; 0: no limit
	UnauthorizedPerSecond int `yaml:"unauthorized_per_second"` // answers to one address without credentials; 0: no limit

	MaxConnections int           `yaml:"max_connections"` // over TCP and TLS, and as many over DTLS
	MaxPerIP       int           `yaml:"max_per_ip"`      // of them from one address; 0: no limit
	SetupTimeout   time.Duration `yaml:"setup_timeout"`   // from connecting to an allocation
	IdleTimeout    time.Duration `yaml:"idle_timeout"`    // of a connection with an allocation
	WriteTimeout   time.Duration `yaml:"write_timeout"`   // for a client to take a message over TCP

	Plain    bool          `yaml:"plain"`    // relay by pion's own path, as on systems that are not Linux
	Shards   int           `yaml:"shards"`   // loops that relay; 0: one a core
	Coalesce time.Duration `yaml:"coalesce"` // how long packets of a busy loop may gather

	Drain time.Duration `yaml:"drain"` // how long allocations live on at stop
}

// DefaultConfig is what holds when nothing is configured.
func DefaultConfig() Config {
	return Config{
		Listen: ":3478", TLSListen: ":5349", MinPort: 49152, MaxPort: 65535,
		Realm: "pse", TTL: time.Hour, Rotate: 24 * time.Hour, NonceLife: 10 * time.Minute,
		MaxAllocations: 4000, UserAllocations: 100, MaxPermissions: 64, MaxChannels: 64,
		// Five others at 1080p, 5 Mbit/s there and back each, for four hours and a
		// half; an address has two and a half of these.
		GuestBPS: 60_000_000, GuestBytes: 100e9, GuestAddressBPS: 150_000_000, GuestAddressBytes: 200e9, GuestAddressAllocations: 300,
		AllocationsPerMinute: 600, UnauthorizedPerSecond: 20,
		MaxConnections: 4000, MaxPerIP: 200, SetupTimeout: 10 * time.Second, IdleTimeout: 11 * time.Minute, WriteTimeout: 5 * time.Second,
		Coalesce: 250 * time.Microsecond, Drain: 10 * time.Second,
	}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	return errors.Join(c.validateAddresses(), c.validateCredentials(), c.validateLimits())
}

func (c Config) validateAddresses() error {
	if c.Listen == "" {
		return errors.New("turn.listen is empty; write host:port, or :port for all addresses")
	}
	for _, l := range []struct{ key, list string }{{"listen", c.Listen}, {"tls_listen", c.TLSListen}} {
		for _, a := range split(l.list) {
			host, _, err := net.SplitHostPort(a)
			if err != nil {
				return fmt.Errorf("turn.%s has %q; write host:port, or :port for all addresses", l.key, a)
			}
			if _, err := netip.ParseAddr(host); err != nil && host != "" {
				return fmt.Errorf("turn.%s has %q; use an address of this machine, not a name", l.key, a)
			}
		}
	}
	if _, ok := c.otherAddress(); c.OtherAddress != "" && !ok {
		return fmt.Errorf("turn.other_address is %q; write a second address of this machine and a second port, as 203.0.113.6:3479", c.OtherAddress)
	}
	if c.MinPort < 1 || c.MaxPort > 65535 || c.MinPort > c.MaxPort {
		return fmt.Errorf("turn.min_port and max_port are %d and %d; use 1 to 65535, the smaller first", c.MinPort, c.MaxPort)
	}
	if _, err := newAddresses(c.RelayIPs, c.ExternalIPs, c.MinPort, c.MaxPort); err != nil {
		return err
	}
	_, err := newPeers(c.AllowPeers, c.DenyPeers, nil, nil)
	return err
}

// otherAddress reads OtherAddress; false: there is none.
func (c Config) otherAddress() (netip.AddrPort, bool) {
	at, err := netip.ParseAddrPort(c.OtherAddress)
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	return at, err == nil && at.Port() != 0 && !at.Addr().IsUnspecified()
}

func (c Config) validateCredentials() error {
	switch {
	case c.Realm == "" || len(c.Realm) > 127 || strings.ContainsAny(c.Realm, "\"\r\n"):
		return fmt.Errorf("turn.realm is %q; use up to 127 bytes without quotes, as pse or example.org", c.Realm)
	case c.TTL < time.Minute || c.TTL > longestTTL:
		return fmt.Errorf("turn.ttl is %s; use 1m to 168h", c.TTL)
	case c.Rotate < c.TTL+time.Minute:
		return fmt.Errorf("turn.rotate is %s; use more than turn.ttl, %s, by a minute: what was handed out must stay good", c.Rotate, c.TTL)
	case c.NonceLife < 10*time.Second || c.NonceLife > time.Hour:
		return fmt.Errorf("turn.nonce_life is %s; use 10s to 1h", c.NonceLife)
	}
	for _, s := range c.Secrets {
		if len(s) < 8 {
			return errors.New("turn.secrets has one of less than 8 bytes; use long random ones, as openssl rand -hex 32 makes")
		}
	}
	return nil
}

func (c Config) validateLimits() error {
	switch {
	case c.MaxAllocations < 1 || c.UserAllocations < 0:
		return fmt.Errorf("turn.max_allocations and user_allocations are %d and %d; use at least 1 and 0", c.MaxAllocations, c.UserAllocations)
	case c.AllocationBPS < 0 || c.UserBPS < 0 || c.TotalBPS < 0:
		return fmt.Errorf("turn.allocation_bps, user_bps and total_bps are %d, %d and %d; use at least 0", c.AllocationBPS, c.UserBPS, c.TotalBPS)
	case c.GuestBPS < 0 || c.GuestAddressBPS < 0 || c.GuestBytes < 0 || c.GuestAddressBytes < 0 || c.GuestAddressAllocations < 0:
		return fmt.Errorf("turn.guest_bps, guest_address_bps, guest_bytes, guest_address_bytes and guest_address_allocations are %d, %d, %d, %d and %d; use at least 0", c.GuestBPS, c.GuestAddressBPS, c.GuestBytes, c.GuestAddressBytes, c.GuestAddressAllocations)
	case c.Shards < 0 || c.Shards > 256:
		return fmt.Errorf("turn.shards is %d; use 0 to 256", c.Shards)
	case c.Coalesce < 0 || c.Coalesce > 5*time.Millisecond:
		return fmt.Errorf("turn.coalesce is %s; use 0s to 5ms", c.Coalesce)
	case c.MaxPermissions < 1 || c.MaxChannels < 1:
		return fmt.Errorf("turn.max_permissions and max_channels are %d and %d; use at least 1", c.MaxPermissions, c.MaxChannels)
	case c.AllocationsPerMinute < 0 || c.UnauthorizedPerSecond < 0:
		return fmt.Errorf("turn.allocations_per_minute and unauthorized_per_second are %d and %d; use at least 0", c.AllocationsPerMinute, c.UnauthorizedPerSecond)
	case c.MaxConnections < 1 || c.MaxPerIP < 0:
		return fmt.Errorf("turn.max_connections and max_per_ip are %d and %d; use at least 1 and 0", c.MaxConnections, c.MaxPerIP)
	case c.SetupTimeout <= 0 || c.IdleTimeout <= 0 || c.WriteTimeout <= 0:
		return fmt.Errorf("turn.setup_timeout, idle_timeout and write_timeout are %s, %s and %s; use times above 0", c.SetupTimeout, c.IdleTimeout, c.WriteTimeout)
	case c.Drain < 0:
		return fmt.Errorf("turn.drain is %s; use a time that is not negative", c.Drain)
	}
	return nil
}

// split is a list that is written with commas.
func split(list string) []string {
	var all []string
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}
