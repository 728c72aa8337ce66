package http1

import (
	"sync/atomic"

	"github.com/helios-h2020/pse/edge/reply"
	"go.uber.org/zap"
)

// Answer is the reply to a request. It may wait. ok is false for a request that
// is not to be answered on a raw connection; there is no reply then.
type Answer func(q *Request, rep *reply.Reply) (ok bool)

// Request is what an answer may depend on, however it was asked for.
type Request struct {
	Path  string // decoded, what comes after the server's prefix
	Query string
	Gzip  bool   // the client takes it
	Addr  string // the client's, with port
	Agent string // User-Agent
}

// answerer is what connections need to answer what is asked on them.
type answerer struct {
	prefix string // of paths
	answer Answer
	log    *zap.Logger
	date   date

	stopping atomic.Bool // connections end after the request that they are at
}
