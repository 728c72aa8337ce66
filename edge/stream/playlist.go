package stream

import (
	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/reply"
)

// list is a rendition's media list as of one message of the log, with the
// forms of it that were asked for.
type list struct {
	view  *hls.View
	forms [4]reply.Body
}

// form is one way to write a list.
type form struct{ flat, skip bool }

func (f form) index() int {
	i := 0
	if f.flat {
		i |= 1
	}
	if f.skip {
		i |= 2
	}
	return i
}

// multivariant is the stream's own playlist in the same way.
type multivariant struct {
	playlist *hls.Multivariant
	forms    [2]reply.Body // beside index.m3u8, and beside the stream's folder
}

// Playlist is a playlist to send. It is shared: nobody may change it.
type Playlist struct {
	Body  *reply.Body
	Cache reply.Cache
}
