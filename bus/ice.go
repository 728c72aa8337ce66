package bus

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/bus/event"
)

// Names of the worker that gives credentials for STUN and TURN, and of its endpoint.
const (
	WorkerTurn          = "turn"
	EndpointCredentials = "credentials"
)

// CredentialsQuery asks for servers and credentials that a client may use.
type CredentialsQuery struct {
	User string `json:"user"`           // for whom: quotas and revocation go by it; CallUser for a member of a call
	Host string `json:"host,omitempty"` // by which the client reached us; used when the relay is not told its own
	// Worker that the client reached by Host, by Bus.ID: it may be on another machine than
	// the relay. Empty: the relay is where Host is.
	Worker string `json:"worker,omitempty"`
}

// CallUser is the user of the relay that a member of a call is. When the member
// leaves (CallLeft), what that user has at the relay ends, and its credentials
// are good no more. A member that comes back after that has another id.
func CallUser(call, member string) string { return event.MemberKey(call, member) }

// Credentials are servers with credentials that are good for TTL.
type Credentials struct {
	Servers []ICEServer `json:"servers"`
	TTL     int         `json:"ttl"` // seconds from now
}

// ICEServer is an RTCIceServer as browsers take it.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// RequestCredentials asks a turn worker. ErrNoWorker: none runs.
func (ss services) RequestCredentials(ctx context.Context, q CredentialsQuery, within time.Duration) (Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return request[Credentials](ctx, ss.c, WorkerTurn, EndpointCredentials, q)
}
