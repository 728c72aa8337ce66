package certificate

import (
	"github.com/caddyserver/certmagic"
	"github.com/libdns/rfc2136"
	"go.uber.org/zap"
)

// A DNSProvider makes and removes records of a zone, by whatever means: all
// libraries of github.com/libdns are one.
type DNSProvider = certmagic.DNSProvider

// DynamicDNS is a provider that updates a DNS server by RFC 2136, signed with a
// TSIG key (RFC 8945), as BIND, Knot, PowerDNS and Windows' servers take it.
type DynamicDNS struct {
	Server    string // host:port
	KeyName   string
	Algorithm string // hmac-sha256 and the like
	Key       string // base64
}

// Provider talks to the server.
func (d DynamicDNS) Provider() DNSProvider {
	return &rfc2136.Provider{Server: d.Server, KeyName: d.KeyName, KeyAlg: d.Algorithm, Key: d.Key}
}

// solver proves names by records of DNS.
func solver(cfg ACMEConfig, log *zap.Logger) *certmagic.DNS01Solver {
	s := &certmagic.DNS01Solver{DNSManager: certmagic.DNSManager{DNSProvider: cfg.DNS, Logger: log}}
	if cfg.Resolver != "" {
		s.Resolvers = []string{cfg.Resolver}
	}
	return s
}
