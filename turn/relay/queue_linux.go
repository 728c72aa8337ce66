package relay

// A destQueue is the packets that wait for one receiver, in their order.
type destQueue struct {
	to     sockaddr
	single bool // the kernel refused segmented messages to it

	first, last int        // slots; first is -1 when it is empty
	next        *destQueue // of the same sendQueue
}

// A sendQueue is a socket, with the queues of the receivers that packets leave it for.
type sendQueue struct {
	fd          int
	first, last *destQueue
}

// discard empties the queue without sending.
func (e *sendQueue) discard() {
	for l := e.first; l != nil; {
		l.first = -1
		l, l.next = l.next, nil
	}
	e.first, e.last = nil, nil
}
