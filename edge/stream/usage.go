package stream

// Usage is what the following of streams takes, for metrics.
type Usage struct {
	Followed int    // streams
	Parts    uint64 // taken from the log so far
	Waiting  int64  // requests that wait for a part to come
	Cached   int    // bytes of media away from the live edge
	Pinned   int64  // bytes of media at the live edge
}

// Usage is that of now.
func (d *Directory) Usage() Usage {
	all := d.streams()
	u := Usage{Followed: len(all), Parts: d.source.parts.Load(), Waiting: d.source.waiting.Load(), Cached: d.source.cache.bytes()}
	for _, s := range all {
		u.Pinned += s.pinned()
	}
	return u
}
