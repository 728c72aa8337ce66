package engineio

// packetQueue has the packets that wait for one client: for its poll, or for a
// flusher. Session.mu guards it.
type packetQueue struct {
	packets []Packet
	bytes   int // of their data
}

func (q *packetQueue) isEmpty() bool { return len(q.packets) == 0 }

// add queues packets, whether there is room or not.
func (q *packetQueue) add(ps ...Packet) {
	q.packets = append(q.packets, ps...)
	for _, p := range ps {
		q.bytes += len(p.Data)
	}
}

// take empties the queue.
func (q *packetQueue) take() []Packet {
	ps := q.packets
	q.packets, q.bytes = nil, 0
	return ps
}
