package certificate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/mholt/acmez/v3/acme"
)

// inWords says why the server gave no certificate for a name, and what to do.
func (c ACMEConfig) inWords(name string, err error) string {
	var (
		problem   acme.Problem
		authority x509.UnknownAuthorityError
		request   *url.Error
		network   net.Error
	)
	switch {
	case errors.As(err, &problem):
		return fmt.Sprintf("%s says %q (%s); %s", c.directory(), detail(problem), kind(problem), c.advice(name, problem))
	case errors.As(err, &authority):
		return fmt.Sprintf("who answers at %s is not trusted; name a PEM file with its root in tls.acme.ca", c.directory())
	case errors.As(err, &request), errors.As(err, &network):
		return fmt.Sprintf("%s cannot be reached: %v; see that this machine's network and DNS work, and that tls.acme.directory is right", c.directory(), innermost(err))
	case c.Profile != "" && strings.Contains(err.Error(), "profile"): // the library looks at what is offered
		return fmt.Sprintf("%v; correct tls.acme.profile, or remove it", err)
	case strings.Contains(err.Error(), "no certificate chains"):
		// The library makes a new account, and goes on with the old one until its next try.
		return fmt.Sprintf("%s did not know this box's account any more; it has a new one now", c.directory())
	default:
		return err.Error()
	}
}

// detail is what the server says, with what it says of each name.
func detail(p acme.Problem) string {
	all := []string{p.Detail}
	for _, s := range p.Subproblems {
		all = append(all, s.Detail)
	}
	return strings.Join(all, "; ")
}

// kind is the problem's name in RFC 8555 6.7.
func kind(p acme.Problem) string { return strings.TrimPrefix(p.Type, acme.ProblemTypeNamespace) }

// innermost is the error without what wraps it.
func innermost(err error) error {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
		if op := (*net.OpError)(nil); errors.As(next, &op) {
			return op
		}
	}
	return err
}

// advice is what to do about a problem.
func (c ACMEConfig) advice(name string, p acme.Problem) string {
	switch p.Type {
	case acme.ProblemTypeConnection, acme.ProblemTypeDNS, acme.ProblemTypeTLS, acme.ProblemTypeUnauthorized, acme.ProblemTypeIncorrectResponse:
		return c.reach(name)
	case acme.ProblemTypeRateLimited:
		return "it had too many requests of this kind: wait, or ask for other names"
	case acme.ProblemTypeRejectedIdentifier, acme.ProblemTypeUnsupportedIdentifier:
		return "correct tls.acme.names, or ask another server (tls.acme.directory)"
	case acme.ProblemTypeCAA:
		return "correct the CAA records of " + name + " in DNS, or ask another server (tls.acme.directory)"
	case acme.ProblemTypeExternalAccountRequired:
		return "give the account that you have there: tls.acme.key_id and tls.acme.key"
	case acme.ProblemTypeInvalidContact, acme.ProblemTypeUnsupportedContact:
		return "correct tls.acme.email"
	case acme.ProblemTypeMalformed:
		return "see whether it vouches for such names (tls.acme.names)"
	default:
		return "see what its operator says of this"
	}
}

// reach is what must be so that the server finds that a name is ours.
func (c ACMEConfig) reach(name string) string {
	if c.DNS != nil {
		return "see that the DNS server of tls.acme.dns is that of " + name + ", and that all servers of the zone take over its records"
	}
	var ways []string
	if c.has(HTTP01) {
		ways = append(ways, "port 80 leads to "+c.HTTP)
	}
	if c.has(TLSALPN01) && c.TLS != "" {
		ways = append(ways, "port 443 leads to "+c.TLS)
	}
	to := "that its DNS records lead to this box"
	if net.ParseIP(name) != nil {
		to = "that this address is the box's or its router's"
	}
	return fmt.Sprintf("see %s, and that from the Internet its %s here (forwarded by the router, let through by the firewall)", to, strings.Join(ways, " or its "))
}
