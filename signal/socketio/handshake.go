package socketio

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// A Handshake is what is known of a client that wants to join a namespace.
type Handshake struct {
	Namespace string
	Auth      json.RawMessage // the auth payload, an object, or nil
	Revision  int             // of the protocol: 5, or 4

	Query     url.Values // of the request that opened the connection
	UserAgent string     // of that request
	Host      string     // that the client asked for by it, perhaps with a port; empty: unknown
	IP        string     // that the connection counts for
	Session   string     // id of the Engine.IO session, a secret of the client

	PID, Offset string // the private id and last offset of a client that reconnects (Recovery)
	Recovered   bool   // it was restored
	Place       any    // of a restored one: Restored.Place
}

// origin is what is kept of the request that opened a connection.
type origin struct{ query, agent, host string }

func originOf(r *http.Request, host string) origin {
	// Cloned: the strings are pieces of the whole request.
	return origin{strings.Clone(r.URL.RawQuery), strings.Clone(r.UserAgent()), strings.Clone(host)}
}

// authOf makes an object of a query, the first value of each key.
func authOf(query string) json.RawMessage {
	if query == "" {
		return nil
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil
	}
	m := make(map[string]string, len(q))
	for k := range q {
		m[k] = q.Get(k)
	}
	b, err := json.Marshal(m)
	if err != nil { // strings only: it cannot be
		panic(err)
	}
	return b
}
