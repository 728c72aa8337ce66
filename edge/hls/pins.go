package hls

// pins are the parts whose bytes are kept in memory, because most requests
// are for what is near the live edge. What counts is how long they last, not
// when they are: the stream clock of a name's next session starts anew. The
// follower alone may touch it.
type pins struct {
	parts []*Part // oldest first
	last  int64   // how long they last together, ms
	bytes int64   // what they hold
}

// add keeps the bytes of a part, and lets go of those of more than keep ms before it.
func (k *pins) add(p *Part, data []byte, keep int64) {
	if data == nil {
		return // of the log's history
	}
	for len(k.parts) > 0 && k.last >= keep {
		k.last -= max(k.parts[0].duration(), 1)
		k.bytes -= int64(k.parts[0].size)
		k.parts[0].pin.Store(nil)
		k.parts[0] = nil
		k.parts = k.parts[1:]
	}
	p.pin.Store(&data)
	k.parts = append(k.parts, p)
	k.last += max(p.duration(), 1)
	k.bytes += int64(p.size)
}
