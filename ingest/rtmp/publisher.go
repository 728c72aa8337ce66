// Package rtmp takes publishers' connections by RTMP and RTMPS (RTMP 1.0) under
// limits, and hands what they publish up as FLV tags. It knows neither the bus
// nor what becomes of the tags.
//
//	socket -> limitedConn -> chunk.Reader -> filter -> go-rtmp -> conn -> Publisher
//	                                               \-> media --> conn -> Sink
//
// Hostile bytes end their own connection: go-rtmp sees nothing but the handshake
// and commands that were checked.
package rtmp

import (
	"net"

	"go.uber.org/zap"
)

// A Peer is the other end of a connection.
type Peer struct {
	Addr net.Addr
	Log  *zap.Logger            // names the peer in each line
	Cut  func(why *StatusError) // ends the connection with these last words, from any goroutine
}

// A Publisher says what one peer may do. All of it is called on the goroutine
// that reads the connection. An error ends that; the peer is told it, best a *StatusError.
type Publisher interface {
	// Connect lets the peer into an app. query is that of the app and of the
	// server's URL, software what the peer says it is. login: it has to prove
	// a user and a password before it may go on.
	Connect(app, software string, query map[string]string) (login bool, err error)
	// Login takes the stream key that the peer proved to have as its password.
	// An error says that there is none; the peer is told what the scheme says.
	Login(proved func(secret string) bool) error
	// Publish gives the peer a stream name; query is that of the name.
	Publish(name string, query map[string]string) (Sink, error)
}

// A Sink takes what one peer publishes.
type Sink interface {
	// Tag takes an FLV tag's body, which is not empty (FLV 10.1, annex E.4). kind
	// is 8 (audio), 9 (video) or 18 (script data: AMF0 that was checked), ts is in
	// ms, and wraps. data is the sink's to change until Tag returns. It is called
	// on the goroutine that reads the connection, and may hold that up. An error
	// ends the connection; the peer is told it, best a *StatusError.
	Tag(kind byte, ts uint32, data []byte) error
	// Flowing says whether media is recorded: the peer may from then on be silent
	// for Config.IdleTimeout each time, until then media has to come within one.
	Flowing() bool
	// End says that no tag follows, once. It returns at once. clean: the peer
	// said that it stops. why: the connection ends by our doing, with these last
	// words; nil: it does by the peer's.
	End(clean bool, why *StatusError)
}
