package pebbletest

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// The TSIG key by which a Zone is updated.
const (
	KeyName   = "pse."
	Key       = "c2VzYW1lIG9wZW4sIHNhaWQgdGhlIGNsZXJr"
	Algorithm = "hmac-sha256"
)

// A Zone is a DNS server for one domain, of which every name has the address
// 127.0.0.1. It takes updates (RFC 2136) that are signed with the key.
type Zone struct {
	Addr string // host:port, UDP and TCP

	origin string // with the last dot

	mu      sync.Mutex
	texts   []dns.RR // guarded by mu: TXT records
	updates int      // guarded by mu
}

// NewZone serves a domain until the end of the test.
func NewZone(t testing.TB, domain string) *Zone {
	t.Helper()
	z := &Zone{origin: dns.Fqdn(domain)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	z.Addr = l.Addr().String()
	for _, s := range []*dns.Server{{Listener: l}, {PacketConn: u}} {
		s.Handler, s.TsigSecret = z, map[string]string{KeyName: Key}
		s.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept } // also updates
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = s.ActivateAndServe()
		}()
		t.Cleanup(func() {
			_ = s.Shutdown()
			<-ended
		})
	}
	return z
}

// Updates is how often a record was made or removed.
func (z *Zone) Updates() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.updates
}

// ServeDNS answers.
func (z *Zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	r := new(dns.Msg)
	r.SetReply(q)
	r.Authoritative = true
	switch {
	case len(q.Question) != 1:
		r.Rcode = dns.RcodeFormatError
	case q.Opcode == dns.OpcodeUpdate:
		z.update(w, q, r)
	default:
		z.ask(q.Question[0], r)
	}
	_ = w.WriteMsg(r)
}

// update takes what is signed: makes a record, or removes one.
func (z *Zone) update(w dns.ResponseWriter, q, r *dns.Msg) {
	sig := q.IsTsig()
	if sig == nil || w.TsigStatus() != nil {
		r.Rcode = dns.RcodeNotAuth
		return
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, rr := range q.Ns {
		z.updates++
		text, ok := rr.(*dns.TXT)
		if !ok || !dns.IsSubDomain(z.origin, text.Hdr.Name) {
			r.Rcode = dns.RcodeNotZone
			return
		}
		if text.Hdr.Class == dns.ClassINET {
			z.texts = append(z.texts, text)
			continue
		}
		var left []dns.RR
		for _, had := range z.texts {
			if strings.Join(had.(*dns.TXT).Txt, "") != strings.Join(text.Txt, "") {
				left = append(left, had)
			}
		}
		z.texts = left
	}
	r.SetTsig(sig.Hdr.Name, sig.Algorithm, 300, int64(sig.TimeSigned))
}

func (z *Zone) ask(q dns.Question, r *dns.Msg) {
	soa := &dns.SOA{Hdr: dns.RR_Header{Name: z.origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 1}, Ns: "ns." + z.origin, Mbox: "ann." + z.origin, Serial: 1, Minttl: 1}
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case !dns.IsSubDomain(z.origin, q.Name):
		r.Rcode = dns.RcodeRefused
		return
	case q.Qtype == dns.TypeSOA && strings.EqualFold(q.Name, z.origin):
		r.Answer = append(r.Answer, soa)
	case q.Qtype == dns.TypeA:
		r.Answer = append(r.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)})
	case q.Qtype == dns.TypeTXT:
		for _, rr := range z.texts {
			if strings.EqualFold(rr.Header().Name, q.Name) {
				r.Answer = append(r.Answer, rr)
			}
		}
	}
	if len(r.Answer) == 0 {
		r.Ns = append(r.Ns, soa)
	}
}
