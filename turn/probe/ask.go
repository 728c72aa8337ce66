package probe

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pion/stun/v4"

	"github.com/helios-h2020/pse/turn/relay"
)

// errorResponse is an answer of that class (RFC 8489, 6.3.4).
type errorResponse struct {
	code         stun.ErrorCode
	realm, nonce string
}

// Error implements error.
func (r *errorResponse) Error() string {
	hint := map[stun.ErrorCode]string{
		stun.CodeUnauthorized:         "user or password are wrong, or they have expired",
		stun.CodeForbidden:            "the relay does not go there; see turn.allow_peers and turn.external_ips",
		stun.CodeAllocQuotaReached:    "the quota is used up; see turn.user_allocations, max_allocations and allocations_per_minute",
		stun.CodeInsufficientCapacity: "no port of the relay is free, or it stops; widen turn.min_port to turn.max_port",
		stun.CodeStaleNonce:           "the server takes none of its own nonces; is there one server only behind this address?",
	}[r.code]
	if hint == "" {
		hint = "see the server's log"
	}
	return fmt.Sprintf("refused with %d: %s", r.code, hint)
}

// answerWait is how long an answer may take, and askAgain after how long a
// question over UDP is asked again.
const (
	answerWait = 5 * time.Second
	askAgain   = 500 * time.Millisecond
)

// asker asks a server over one connection.
type asker struct {
	user, password string
	conn           net.Conn
	stream         bool // it is one of bytes
	realm          string
	nonce          string
	buf            []byte // of a stream, what is not read yet
}

// ask sends a request, signed when the server's nonce is known, and gives the
// success; another answer is an *errorResponse. A stale nonce is renewed once.
func (c *asker) ask(method stun.Method, more ...stun.Setter) (*stun.Message, error) {
	for again := range 2 {
		set := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, more...)
		if c.nonce != "" {
			key := stun.NewLongTermIntegrity(c.user, c.realm, c.password)
			set = append(set, stun.NewUsername(c.user), stun.NewRealm(c.realm), stun.NewNonce(c.nonce), key)
		}
		q, err := stun.Build(append(set, stun.Fingerprint)...)
		if err != nil {
			return nil, err
		}
		a := &stun.Message{}
		if _, err = c.exchange(q.Raw, c, func(b []byte) bool {
			a.Raw = append(a.Raw[:0], b...)
			return stun.IsMessage(b) && a.Decode() == nil && a.TransactionID == q.TransactionID
		}); err != nil {
			return nil, err
		}
		if a.Type.Class == stun.ClassSuccessResponse {
			return a, nil
		}
		r := readError(a)
		if r.code != stun.CodeStaleNonce || again > 0 {
			return nil, r
		}
		c.nonce = r.nonce
	}
	return nil, nil // not reached
}

func readError(a *stun.Message) *errorResponse {
	var code stun.ErrorCodeAttribute
	var realm stun.Realm
	var nonce stun.Nonce
	_, _, _ = code.GetFrom(a), realm.GetFrom(a), nonce.GetFrom(a) // what is missing stays empty
	return &errorResponse{code.Code, realm.String(), nonce.String()}
}

// exchange has from send b, again and again over UDP, until c gets what it
// waits for.
func (c *asker) exchange(b []byte, from *asker, is func([]byte) bool) ([]byte, error) {
	over := time.Now().Add(answerWait)
	for {
		if _, err := from.conn.Write(b); err != nil {
			return nil, err
		}
		until := over
		if next := time.Now().Add(askAgain); !from.stream && next.Before(over) {
			until = next
		}
		for {
			msg, err := c.next(until)
			if isTimeoutError(err) && time.Now().Before(over) {
				break
			}
			if err != nil {
				if isTimeoutError(err) {
					err = fmt.Errorf("no answer in %s; do firewalls let it through?", answerWait)
				}
				return nil, err
			}
			if is(msg) {
				return msg, nil
			}
		}
	}
}

func isTimeoutError(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// next is the next message.
func (c *asker) next(until time.Time) ([]byte, error) {
	if err := c.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	for {
		if c.stream {
			n, err := relay.MessageSize(c.buf)
			if err != nil {
				return nil, err
			}
			if n > 0 && n <= len(c.buf) {
				msg := c.buf[:n]
				c.buf = c.buf[n:]
				return msg, nil
			}
		}
		p := make([]byte, 2*relay.LongestMessage)
		n, err := c.conn.Read(p)
		if err != nil {
			return nil, err
		}
		if !c.stream {
			return p[:n], nil
		}
		c.buf = append(c.buf, p[:n]...)
	}
}
