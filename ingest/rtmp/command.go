package rtmp

import (
	"encoding/binary"
	"strings"

	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// Commands that go-rtmp does not answer, or knows no end of: those by which a stream begins and ends. What
// servers answer them is told by no specification; it is what Adobe's did, which encoders expect.

// maxStreams is how many message streams a connection may have at a time, with the one of control.
const maxStreams = 8

// call is a command that was read.
type call struct {
	name        string
	stream      uint32 // the message stream it came on
	transaction float64
	args        []byte // after transaction and command object
}

// callOf reads the command that a message holds, which was checked.
func callOf(m *chunk.Message) (c call, ok bool) {
	name, rest, ok := amf.Text(m.Data)
	if !ok || len(rest) < 9 {
		return call{name: name}, false
	}
	c = call{name: name, stream: m.Stream, transaction: amf.Float(rest)}
	rest, err := amf.Skip(rest[9:])
	c.args = rest
	return c, err == nil
}

// text is the first argument, if it is a string.
func (c *call) text() (s string, ok bool) {
	s, _, ok = amf.Text(c.args)
	return s, ok
}

// result answers a call as done.
func (f *filter) result(c call) {
	b := amf.AppendNumber(amf.AppendString(nil, "_result"), c.transaction)
	f.reply(0, append(b, amf.MarkerNull, amf.MarkerUndefined))
}

// status tells of a stream, by onStatus or one of FMLE's.
func (f *filter) status(stream uint32, command, code, text string) {
	f.reply(stream, statusOf(command, "status", code, text))
}

// statusOf is a command that tells a status (RTMP 1.0, 7.2.2).
func statusOf(command, level, code, text string) []byte {
	b := append(amf.AppendNumber(amf.AppendString(nil, command), 0), amf.MarkerNull)
	return amf.AppendObject(b, "level", level, "code", code, "description", text)
}

// started tells the peer that it publishes: it waits for that.
func (f *filter) started(stream uint32, name string) error {
	out := commandOf(stream, statusOf("onStatus", "status", "NetStream.Publish.Start", "publishing "+name))
	_, err := f.Write(out)
	return err
}

// reply writes a command. Who does not read what it is told goes without.
func (f *filter) reply(stream uint32, body []byte) {
	out := commandOf(stream, body)
	f.writes.Lock()
	defer f.writes.Unlock()
	if !f.silenced.Load() && !f.unread {
		f.unread = !f.offer(out)
	}
}

// commandOf is a command as bytes. The library's announcement of our chunk size may still be on its way.
func commandOf(stream uint32, body []byte) []byte {
	out := chunk.Append(nil, 2, chunk.Message{Type: chunk.SetChunkSize, Data: binary.BigEndian.AppendUint32(nil, outChunk)}, 128)
	return chunk.Append(out, 7, chunk.Message{Type: chunk.Command, Stream: stream, Data: body}, outChunk)
}

// command takes a command that is ours. It says whether the library is to have it, too.
func (f *filter) command(c call) (pass bool, err error) {
	switch c.name {
	case "createStream":
		f.created(true, 0)
	case "releaseStream":
		f.result(c)
		return false, nil
	case "FCPublish":
		f.result(c)
		name, _ := c.text()
		name, _, _ = strings.Cut(name, "?") // a key may follow
		f.status(0, "onFCPublish", "NetStream.Publish.Start", name)
		return false, nil
	case "FCUnpublish":
		f.unpublish()
		f.result(c)
		f.status(0, "onFCUnpublish", "NetStream.Unpublish.Success", "it is over")
		return false, nil
	case "closeStream", "unpublish":
		if c.stream == 0 || c.stream == f.stream {
			f.unpublish()
		}
		return false, nil
	case "deleteStream":
		id := uint32(max(0, min(amf.Float(c.args), maxStreams)))
		if id == f.stream {
			f.unpublish()
		}
		return f.created(false, id), nil
	case "publish":
		name, ok := c.text()
		switch {
		case !f.has(c.stream):
		case ok:
			return false, f.publish(name, c.stream)
		case c.stream == f.stream: // publish(false)
			f.unpublish()
		}
		return false, nil
	}
	return true, nil
}

// created keeps what streams the library has: it gives a new one the lowest number that is free, and takes
// the deletion of one that it has not ill.
func (f *filter) created(yes bool, id uint32) (known bool) {
	if yes {
		for id = 1; id < maxStreams && f.has(id); id++ {
		}
		if id < maxStreams {
			f.streams |= 1 << id
		}
		return true
	}
	known = f.has(id)
	f.streams &^= 1 << id
	return known
}

// has says whether there is a stream of this number, other than that of control.
func (f *filter) has(id uint32) bool { return id > 0 && id < maxStreams && f.streams&(1<<id) != 0 }

// unpublish ends what is published, as its publisher says.
func (f *filter) unpublish() {
	if f.media == nil {
		return
	}
	stream := f.stream
	f.stream, f.media = 0, nil
	f.goodbye()
	f.status(stream, "onStatus", "NetStream.Unpublish.Success", "it is over")
}
