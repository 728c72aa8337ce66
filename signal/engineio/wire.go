package engineio

// A wire carries WebSocket messages of one client: a WebSocket of this
// worker, or a Link to the worker that has it.
type wire interface {
	// read waits for the next message. One goroutine reads.
	read() (binary bool, data []byte, err error)
	// write sends one message. One goroutine writes. b may be used again
	// after it returned.
	write(binary bool, b []byte) error
	// end tells the client that no more comes; read then ends soon.
	end()
	// drop releases everything at once. It may be called at any time, twice too.
	drop()
}
