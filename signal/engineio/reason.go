package engineio

// A Reason says why a session ended, in the words of the Node.js server.
type Reason string

// The reasons of Engine.IO.
const (
	PingTimeout    Reason = "ping timeout"         // the client is silent
	TransportClose Reason = "transport close"      // the client left or its connection broke
	TransportError Reason = "transport error"      // polls that overlap, were cancelled, or could not be written
	ParseError     Reason = "parse error"          // the client sent what is no packet
	ForcedClose    Reason = "forced close"         // the handler closed it
	ShuttingDown   Reason = "server shutting down" // the server was closed
	QueueFull      Reason = "send queue full"      // the client takes too little of what is sent to it
	RateLimit      Reason = "rate limit exceeded"  // the client sends too much (Config.Flow)
)
