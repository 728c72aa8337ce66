package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// CallsAge is how far back the log of calls reaches at least, and for how long
// a batch that is published again is known to be the same.
const CallsAge = time.Minute

// Signal is one event for one member of a room, as it stands in the log of calls.
type Signal struct {
	Room string
	From string // socket id of who caused it
	To   string // socket id of who is to get it; empty: nobody, it is a mark in the log
	Kind byte   // what it is to the signal workers; theirs alone
	ID   string // tells it from others of the same From: a second one is dropped by readers; empty: no such check

	Name        string   // of the event
	Args        [][]byte // JSON, byte for byte as they came
	Attachments [][]byte // binary
}

// ErrBadSignals says that an entry of the log of calls does not parse.
var ErrBadSignals = errors.New("not a batch of signals")

// Append encodes a signal after others: strings, lists and their elements each
// with their length before them.
func (s *Signal) Append(b []byte) []byte {
	b = append(b, s.Kind)
	for _, t := range [...]string{s.Room, s.From, s.To, s.ID, s.Name} {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	for _, list := range [...][][]byte{s.Args, s.Attachments} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, e := range list {
			b = append(binary.AppendUvarint(b, uint64(len(e))), e...)
		}
	}
	return b
}

// usualSignal is about how many bytes a signal has.
const usualSignal = 320

// ParseSignals decodes a batch. Args and attachments are pieces of b.
func ParseSignals(b []byte) ([]Signal, error) {
	usual := 1 + len(b)/usualSignal
	p := signalParser{b: b, text: string(b), lists: make([][]byte, usual)}
	all := make([]Signal, 0, usual)
	for len(p.b) > 0 {
		s := Signal{Kind: p.b[0]}
		p.skip(1)
		for _, t := range [...]*string{&s.Room, &s.From, &s.To, &s.ID, &s.Name} {
			*t, _ = p.piece()
		}
		for _, list := range [...]*[][]byte{&s.Args, &s.Attachments} {
			*list = p.list(p.length())
			for i := range *list {
				_, (*list)[i] = p.piece()
			}
		}
		if p.bad {
			return nil, fmt.Errorf("%w: cut or damaged after %d signals", ErrBadSignals, len(all))
		}
		all = append(all, s)
	}
	return all, nil
}

// signalParser reads pieces off the front of b. text is the same bytes as one
// string, so that strings are not copied one by one.
type signalParser struct {
	b     []byte
	text  string
	lists [][]byte // room for lists
	bad   bool
}

// list is a list for n pieces, nil for none.
func (p *signalParser) list(n int) [][]byte {
	if n == 0 {
		return nil
	}
	if n > len(p.lists) {
		return make([][]byte, n)
	}
	l := p.lists[:n:n]
	p.lists = p.lists[n:]
	return l
}

func (p *signalParser) skip(n int) { p.b, p.text = p.b[n:], p.text[n:] }

// length reads a length: never more than bytes are left, so it may be trusted with memory.
func (p *signalParser) length() int {
	n, size := binary.Uvarint(p.b)
	if size <= 0 || n > uint64(len(p.b)-size) {
		p.bad, p.b, p.text = true, nil, ""
		return 0
	}
	p.skip(size)
	return int(n)
}

func (p *signalParser) piece() (string, []byte) {
	n := p.length()
	s, b := p.text[:n], p.b[:n:n]
	p.skip(n)
	return s, b
}
