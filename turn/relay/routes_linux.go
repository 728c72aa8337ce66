package relay

import "slices"

// routes are the ways that packets have through a shard: its listeners, and its
// relays with their permissions and channels. The loop's own.
type routes struct {
	listeners []*listener
	relays    map[endpoint]*allocation // by where they are bound
	changes   uint64                   // of relays and their channels
}

func newRoutes() routes { return routes{relays: map[endpoint]*allocation{}, changes: 1} }

// add takes an allocation in.
func (r *routes) add(al *allocation) {
	r.relays[al.local] = al
	r.changes++
}

// remove forgets an allocation and what it was allowed.
func (r *routes) remove(al *allocation) {
	r.changes++
	al.closed = true
	if r.relays[al.local] == al {
		delete(r.relays, al.local)
	}
	if l := al.via; l != nil {
		if l.clients[al.client] == al {
			delete(l.clients, al.client)
		}
		l.last = nil
	}
	al.channels, al.permits, al.recent = nil, nil, nil
}

// serve notes the client of an allocation.
func (r *routes) serve(al *allocation, client sockaddr) {
	al.answers.to = client
	al.client = client.endpoint()
	al.via.clients[al.client] = al
}

func (r *routes) permit(al *allocation, h host) {
	if !al.permitted(h) {
		al.permits = append(al.permits, h)
	}
}

func (r *routes) forbid(al *allocation, h host) {
	al.permits = slices.DeleteFunc(al.permits, func(o host) bool { return o == h })
}

func (r *routes) bind(al *allocation, c *channel) {
	al.channels = append(al.channels, c)
	r.changes++
}

func (r *routes) unbind(al *allocation, number uint16) {
	al.channels = slices.DeleteFunc(al.channels, func(c *channel) bool { return c.number == number })
	al.recent = nil
	r.changes++
}
