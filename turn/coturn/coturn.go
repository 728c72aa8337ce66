// Package coturn reads the configuration of coturn in our words. It knows the
// names of our settings, not the relay that has them.
package coturn

import (
	"bufio"
	"bytes"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/turn/auth"
)

// Settings are those of ours that a turnserver.conf can set, by their keys in
// the section turn; they mean what they mean there.
type Settings struct {
	Listen    string `yaml:"listen"`
	TLSListen string `yaml:"tls_listen"`

	RelayIPs    []string `yaml:"relay_ips"`
	ExternalIPs []string `yaml:"external_ips"`
	MinPort     int      `yaml:"min_port"`
	MaxPort     int      `yaml:"max_port"`
	TCPRelay    bool     `yaml:"tcp_relay"`

	Realm     string        `yaml:"realm"`
	Secrets   []string      `yaml:"secrets" secret:"value"`
	NonceLife time.Duration `yaml:"nonce_life"`

	AllowPeers []string `yaml:"allow_peers"`
	DenyPeers  []string `yaml:"deny_peers"`

	MaxAllocations  int `yaml:"max_allocations"`
	UserAllocations int `yaml:"user_allocations"`
	AllocationBPS   int `yaml:"allocation_bps"`
	TotalBPS        int `yaml:"total_bps"`
}

// An Import is what a turnserver.conf of coturn says, in our words.
type Import struct {
	Settings  Settings       // what was given, changed by the file
	Users     []string       // lines as auth.ParseUsers reads them
	Cert, Key string         // files in PEM; empty: not said
	Lines     map[string]int // where each key of Settings was set, as "min_port"; "cert" and "key" too
	Left      []LeftOut
}

// LeftOut is a line that has no counterpart here.
type LeftOut struct {
	Line     int
	Key, Why string
}

// Read reads a turnserver.conf over settings. A value that cannot be what it
// should is an error with its line; what the settings are together is not checked.
func Read(text []byte, base Settings) (*Import, error) {
	c := &reader{Import: &Import{Settings: base, Lines: map[string]int{}}}
	s := bufio.NewScanner(bytes.NewReader(text))
	for c.line = 1; s.Scan(); c.line++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if err := c.take(key, value); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", c.line, key, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	c.finish()
	return c.Import, nil
}

// reader is a file that is being read.
type reader struct {
	*Import
	line          int
	port, tlsPort string
	ips           []string
	noTLS, noDTLS int // lines
}

// same are keys that ask for what is always so here.
const same = " lt-cred-mech fingerprint no-loopback-peers no-multicast-peers no-tlsv1 no-tlsv1_1 no-sslv2 no-sslv3 no-software-attribute no-software-attr no-auth-pings no-cli no-rfc5780 no-stun-backward-compatibility response-origin-only-with-rfc5780 use-auth-secret keep-address-family dh2066 "

// why tells why a key is left out.
func why(key string) string {
	switch key {
	case "verbose", "Verbose", "log-file", "syslog", "simple-log", "no-stdout-log", "syslog-facility", "new-log-timestamp", "new-log-timestamp-format", "log-binding", "prometheus", "prometheus-port":
		return "logs are those of pse (log.level), metrics are at the admin address"
	case "pidfile", "proc-user", "proc-group", "daemon", "acme-redirect", "server-name":
		return "that is the matter of systemd, a container or a proxy"
	case "cli-ip", "cli-port", "cli-password", "cli-max-output-sessions", "web-admin", "web-admin-ip", "web-admin-port", "web-admin-listen-on-workers":
		return "there is no such console; see pse workers and the admin address"
	case "userdb", "sql-userdb", "db", "psql-userdb", "mysql-userdb", "mongo-userdb", "redis-userdb", "redis-statsdb", "secret-key-file":
		return "users are in turn.users_file; turnadmin -l lists those of the data base"
	case "alt-listening-port", "rfc5780":
		return "write the second address and port into turn.other_address"
	case "alt-tls-listening-port", "alternate-server", "tls-alternate-server", "aux-server", "tcp-proxy-port", "tcp-use-proxy", "udp-self-balance":
		return "other servers are not supported; run more turn workers instead"
	case "cipher-list", "dh-file", "dh566", "dh1066", "ec-curve-name", "CA-file", "pkey-pwd", "no-tlsv1_2":
		return "TLS is 1.2 or newer with Go's choice of ciphers; keys have no password"
	case "no-auth", "server-relay", "secure-stun", "oauth", "realm-origin", "check-origin-consistency":
		return "the relay asks for long-term credentials, and STUN is open; nothing else is supported"
	case "no-udp", "no-tcp", "no-udp-relay", "no-stun", "stun-only":
		return "all transports and the relay are there together; close the port in the firewall"
	case "mobility", "no-mobility", "allocation-default-address-family", "max-allocate-lifetime", "channel-lifetime", "permission-lifetime", "max-allocate-timeout":
		return "mobility is not supported; lifetimes are those of the RFCs"
	case "relay-threads", "listening-device", "relay-device", "sock-buf-size":
		return "threads and buffers are chosen by themselves; see turn.shards"
	}
	return "it is not known here"
}

func (c *reader) take(key, value string) (err error) {
	cfg := &c.Settings
	switch key {
	case "listening-port":
		c.port, err = c.set("listen", value, number(1, 65535))
	case "tls-listening-port":
		c.tlsPort, err = c.set("tls_listen", value, number(1, 65535))
	case "listening-ip":
		value, err = c.set("listen", value, ip)
		c.ips = append(c.ips, value)
		c.Lines["tls_listen"] = c.line
	case "relay-ip":
		value, err = c.set("relay_ips", value, ip)
		cfg.RelayIPs = append(cfg.RelayIPs, value)
	case "external-ip":
		for part := range strings.SplitSeq(value, "/") {
			if _, err := c.set("external_ips", part, ip); err != nil {
				return err
			}
		}
		cfg.ExternalIPs = append(cfg.ExternalIPs, value)
	case "min-port":
		cfg.MinPort, err = c.number("min_port", value, 1, 65535)
	case "max-port":
		cfg.MaxPort, err = c.number("max_port", value, 1, 65535)
	case "realm":
		cfg.Realm, err = c.set("realm", value, nil)
	case "cert":
		c.Cert, err = c.set("cert", value, nil)
	case "pkey":
		c.Key, err = c.set("key", value, nil)
	case "user":
		_, err = auth.ParseUsers([]byte(value), "")
		c.Users = append(c.Users, value)
	case "static-auth-secret":
		value, err = c.set("secrets", value, nil)
		cfg.Secrets = append(cfg.Secrets, value)
	default:
		return c.limit(key, value)
	}
	return err
}

// limit takes the rest.
func (c *reader) limit(key, value string) (err error) {
	cfg, n := &c.Settings, 0
	switch key {
	case "user-quota":
		cfg.UserAllocations, err = c.number("user_allocations", value, 0, 1<<31-1)
	case "total-quota":
		if n, err = c.number("max_allocations", value, 0, 1<<31-1); n > 0 {
			cfg.MaxAllocations = n
		}
	case "max-bps":
		n, err = c.number("allocation_bps", value, 0, 1<<40)
		cfg.AllocationBPS = 8 * n
	case "bps-capacity":
		n, err = c.number("total_bps", value, 0, 1<<40)
		cfg.TotalBPS = 8 * n
	case "stale-nonce":
		if n, err = c.number("nonce_life", value, 0, 1<<31-1); value != "" {
			cfg.NonceLife = min(time.Hour, max(10*time.Second, time.Duration(n)*time.Second))
		}
		if n == 0 { // unlimited
			cfg.NonceLife = time.Hour
		}
	case "allowed-peer-ip":
		return c.peers("allow_peers", value, &cfg.AllowPeers)
	case "denied-peer-ip":
		return c.peers("deny_peers", value, &cfg.DenyPeers)
	case "allow-loopback-peers":
		c.Lines["allow_peers"] = c.line
		cfg.AllowPeers = append(cfg.AllowPeers, "127.0.0.0/8", "::1/128")
	case "no-tcp-relay":
		c.Lines["tcp_relay"] = c.line
		cfg.TCPRelay = false
	case "no-tls":
		c.noTLS = c.line
	case "no-dtls":
		c.noDTLS = c.line
	default:
		if !strings.Contains(same, " "+key+" ") {
			c.leave(key, why(key))
		}
	}
	return err
}

// finish puts together what several lines say.
func (c *reader) finish() {
	c.Settings.Listen = c.address(c.Settings.Listen, c.port)
	c.Settings.TLSListen = c.address(c.Settings.TLSListen, c.tlsPort)
	switch {
	case c.noTLS > 0 && c.noDTLS > 0:
		c.Settings.TLSListen, c.Lines["tls_listen"] = "", c.noTLS
	case c.noTLS+c.noDTLS > 0:
		c.line = c.noTLS + c.noDTLS
		c.leave("no-tls or no-dtls", "TLS and DTLS go together; without both there is none")
	}
}

// address is the addresses to listen on: the file's, with the port of was when it names none.
func (c *reader) address(was, port string) string {
	_, before, err := net.SplitHostPort(was)
	if err != nil {
		before = "3478"
	}
	if port == "" {
		port = before
	}
	if len(c.ips) == 0 {
		if port == before {
			return was
		}
		return ":" + port
	}
	var all []string
	for _, ip := range c.ips {
		all = append(all, net.JoinHostPort(ip, port))
	}
	return strings.Join(all, ",")
}

func (c *reader) leave(key, why string) {
	c.Left = append(c.Left, LeftOut{c.line, key, why})
}

// set notes where a key was set, and checks the value.
func (c *reader) set(key, value string, check func(string) error) (string, error) {
	if value == "" {
		return "", fmt.Errorf("it has no value")
	}
	if check != nil {
		if err := check(value); err != nil {
			return "", err
		}
	}
	c.Lines[key] = c.line
	return value, nil
}

func (c *reader) number(key, value string, least, most int) (int, error) {
	if value == "" && least == 0 {
		value = "0"
	}
	if _, err := c.set(key, value, number(least, most)); err != nil {
		return 0, err
	}
	return strconv.Atoi(value)
}

func number(least, most int) func(string) error {
	return func(value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < least || n > most {
			return fmt.Errorf("%q is no number from %d to %d", value, least, most)
		}
		return nil
	}
}

func ip(value string) error {
	if _, err := netip.ParseAddr(value); err != nil {
		return fmt.Errorf("%q is no address", value)
	}
	return nil
}

// peers reads "address" or "first-last" as networks.
func (c *reader) peers(key, value string, to *[]string) error {
	first, last, isRange := strings.Cut(value, "-")
	if !isRange {
		last = first
	}
	from, err := netip.ParseAddr(strings.TrimSpace(first))
	if err != nil {
		return fmt.Errorf("%q is no address and no range of them", value)
	}
	until, err := netip.ParseAddr(strings.TrimSpace(last))
	from, until = from.Unmap(), until.Unmap()
	if err != nil || from.BitLen() != until.BitLen() || until.Less(from) || from.Zone()+until.Zone() != "" {
		return fmt.Errorf("%q is no address and no range of them", value)
	}
	c.Lines[key] = c.line
	for _, p := range networks(from, until) {
		*to = append(*to, p.String())
	}
	return nil
}

// networks are the fewest that have all addresses from one to another in them.
func networks(from, until netip.Addr) (all []netip.Prefix) {
	for {
		bits := from.BitLen()
		for bits > 0 {
			wider := netip.PrefixFrom(from, bits-1)
			if wider.Masked().Addr() != from || until.Less(last(wider)) {
				break
			}
			bits--
		}
		p := netip.PrefixFrom(from, bits)
		all = append(all, p)
		if end := last(p); end == until {
			return all
		} else {
			from = end.Next()
		}
	}
}

// last is the last address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	n := new(big.Int).SetBytes(b)
	host := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	n.Add(n, host.Sub(host, big.NewInt(1)))
	a, _ := netip.AddrFromSlice(n.FillBytes(b))
	return a
}
