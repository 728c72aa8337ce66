package rtmp

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Config configures a Server. All of it has to be set.
type Config struct {
	MaxConnections int           // in all
	MaxPerIP       int           // per IPv4 address or IPv6 /64
	SetupTimeout   time.Duration // from connecting to publishing
	IdleTimeout    time.Duration // without a byte while publishing

	Codecs     func() (video, audio []Codec) // what may be published by FourCC
	Accept     func(Peer) Publisher          // a peer has connected
	Received   *atomic.Uint64                // counts the bytes that were read
	Refused    func(code string)             // a connection ended with this code of a StatusError
	Skipped    func()                        // a message was left out that nobody needs: it cannot be read, or is too long
	TurnedAway func()                        // a connection was closed at once, over a limit
	Log        *zap.Logger
}
