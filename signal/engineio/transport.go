package engineio

// A transport carries WebSocket messages of one client: a WebSocket of this
// worker, or a Link to the worker that has it.
type transport interface {
	// read waits for the next message. One goroutine reads.
	read() (binary bool, data []byte, err error)
	// offer sends packets as far as that goes without waiting; one goroutine
	// offers or writes. taken: they are sent or kept; all: nothing of them is
	// kept for write to send.
	offer(c codec, ps []Packet) (taken, all bool)
	// write sends what offer kept and these packets, and waits for that.
	write(c codec, ps []Packet) error
	// end sends the client a close frame; read then ends soon.
	end()
	// drop releases everything at once. It may be called at any time, twice too.
	drop()
}
