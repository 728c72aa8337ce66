package conn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// adviser knows what an owner can change, by the settings as they are named in
// pse.yaml, and those of NATS.
type adviser struct {
	logs   Logs
	domain string
}

// causes explains each error of several, those with the same advice once.
func (a adviser) causes(err error) (all []error) {
	several, ok := err.(interface{ Unwrap() []error }) // not errors.As: what stands before it would be lost
	if !ok {
		return []error{a.explain(err)}
	}
	advised := map[string]bool{}
	for _, err := range several.Unwrap() {
		explained := a.explain(err)
		advice := strings.TrimPrefix(explained.Error(), err.Error())
		if advice == "" || !advised[advice] {
			all = append(all, explained)
		}
		advised[advice] = true
	}
	return all
}

// JetStream's error codes that say what an owner can change.
const (
	apiNoAccount    = 10039 // JetStream is not on for this account
	apiNoCluster    = 10074 // replicas without a cluster
	apiNoPeers      = 10005 // fewer servers than replicas
	apiNoMemory     = 10028
	apiNoStorage    = 10047
	apiNoResources  = 10023
	apiAccountLimit = 10002
	apiMaxStreams   = 10027
	apiMaxConsumers = 10026
	apiStreamLimit  = 10122
	apiNoTier       = 10120
)

// noRoom is what a cluster has in the text of apiNoPeers when it is not the
// number of its servers that is too small.
const noRoom = "insufficient storage"

// explain adds what to change to an error of a bus that cannot be used.
func (a adviser) explain(err error) error {
	var api *jetstream.APIError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	advice := ""
	switch {
	case errors.As(err, &api):
		switch api.ErrorCode {
		case apiNoAccount:
			advice = "switch JetStream on for this account of the server: jetstream: enabled"
		case apiNoPeers, apiNoCluster:
			if strings.Contains(api.Description, noRoom) {
				advice = "raise max_memory_store and max_file_store of the servers: " + a.logs.Room
				break
			}
			advice = fmt.Sprintf("bus.replicas is %d, and there are not so many servers: lower it, or add servers", a.logs.Replicas)
		case apiNoMemory:
			advice = "raise max_memory_store of the server, or max_memory of the account: " + a.logs.Room
		case apiNoStorage:
			advice = "raise max_file_store of the server, or max_file of the account, or give its store_dir more room: " + a.logs.Room
		case apiNoResources:
			advice = "raise max_memory_store and max_file_store of the server: " + a.logs.Room
		case apiAccountLimit:
			advice = "raise max_memory and max_file of the account: " + a.logs.Room
		case apiMaxStreams:
			advice = fmt.Sprintf("raise max_streams of the account: %d are wanted", len(a.logs.Streams(time.Time{}))+len(a.logs.Buckets))
		case apiMaxConsumers:
			advice = "raise max_consumers of the account, or default_max_consumers of the server: each reader of a log takes one"
		case apiStreamLimit:
			advice = "raise mem_max_stream_bytes and disk_max_stream_bytes of the account: " + a.logs.Room
		case apiNoTier:
			advice = fmt.Sprintf("the account has no limits for logs of %d replicas: give it that tier, or change bus.replicas", a.logs.Replicas)
		}
	case errors.As(err, &dns):
		advice = "is the name in bus.url (--bus) right?"
	case errors.As(err, &unknown), errors.As(err, &name):
		advice = "name the root to trust by bus.ca, and the server as its certificate does"
	case errors.As(err, &record):
		advice = "that server does not speak TLS: write nats:// in bus.url"
	case errors.As(err, &invalid):
		advice = "the certificate of the server is no good: renew it, or set the clock of this machine"
	case errors.Is(err, nats.ErrTLS), alerted(err):
		advice = "does the server ask for a client certificate that it trusts (bus.cert, bus.key)?"
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		advice = "the server wants TLS: write tls:// in bus.url"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		if a.domain != "" {
			return fmt.Errorf("JetStream has no domain %q there: %w; is bus.domain right?", a.domain, err)
		}
		return fmt.Errorf("JetStream is off there: %w; switch it on in the server's configuration: jetstream { store_dir: DIR }", err)
	case errors.Is(err, nats.ErrPermissionViolation):
		advice = "this user may not: take the password of the user worker (the file bus.password), not the integrator's, or let it do what deploy/nats.conf has for workers"
	case errors.Is(err, errSmallMessages):
		advice = "set it in the server's configuration: max_payload: 8MB"
	default:
		var op *net.OpError
		if errors.As(err, &op) || errors.Is(err, nats.ErrNoServers) {
			advice = "does it run?"
		}
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// errSmallMessages says that pictures would not fit into the server's messages.
var errSmallMessages = errors.New("the bus takes too small messages")

// alerted says that the other side ended a handshake of TLS: its alert comes as an
// error of the connection, of a type that crypto/tls does not export.
func alerted(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
