package socketio

import "encoding/json"

// An Event has a name and arguments (Protocol, "Sending and receiving data").
type Event struct {
	Name string
	// Args are JSON. A placeholder {"_placeholder":true,"num":n} in them
	// stands for Attachments[n].
	Args        []json.RawMessage
	Attachments [][]byte
	// Offset of an event to a recoverable client tells the place to go on
	// from; the client gets it as one more argument, a string.
	Offset string
}

// A Reply acknowledges an event, once; further calls do nothing. Args and
// attachments are as in an Event.
type Reply func(args []json.RawMessage, attachments [][]byte) error

// Handler hears of a socket. Its methods are called one at a time.
type Handler interface {
	// Event is an event from the client. reply is nil unless the client
	// wants an acknowledgement. What is in e is the handler's to keep. While
	// it runs nothing more is read from this client.
	Event(e Event, reply Reply)
	// Close comes once, after the last Event returned.
	Close(reason Reason)
}

// size is about how long append makes an event.
func (e Event) size() int {
	size := len(e.Name) + len(e.Offset) + 8
	for _, a := range e.Args {
		size += len(a) + 1
	}
	return size
}

// append writes the event as its packet has it.
func (e Event) append(b []byte, recoverable bool) []byte {
	b = appendString(append(b, '['), e.Name)
	for _, a := range e.Args {
		b = append(append(b, ','), a...)
	}
	if recoverable && e.Offset != "" {
		b = appendString(append(b, ','), e.Offset)
	}
	return append(b, ']')
}
