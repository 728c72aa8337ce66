package replay

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/bus"
)

// Position is a place in the log: an entry's number and a signal's index in it. A
// client's offset is the position of the last signal that it has. The zero Position
// is before all others.
type Position struct {
	seq   uint64
	index int // -1: before the first of the entry
}

func (p Position) compare(q Position) int {
	return cmp.Or(cmp.Compare(p.seq, q.seq), cmp.Compare(p.index, q.index))
}

// before is the position just before p.
func (p Position) before() Position { return Position{p.seq, p.index - 1} }

// String is the offset as clients get it: "<entry>.<index>".
func (p Position) String() string {
	return strconv.FormatUint(p.seq, 10) + "." + strconv.Itoa(p.index)
}

// ParsePosition reads what String writes, and nothing else.
func ParsePosition(s string) (Position, error) {
	seq, index, ok := strings.Cut(s, ".")
	n, err := strconv.ParseUint(seq, 10, 64)
	i, err2 := strconv.Atoi(index)
	if !ok || err != nil || err2 != nil || i < -1 {
		return Position{}, fmt.Errorf("offset %q is none of ours", s)
	}
	return Position{n, i}, nil
}

// logRef is a signal and its position.
type logRef struct {
	at Position
	s  *bus.Signal
}

// size is about how many bytes of memory a signal takes.
func (r logRef) size() int {
	n := 64
	for _, a := range r.s.Args {
		n += len(a)
	}
	for _, a := range r.s.Attachments {
		n += len(a)
	}
	return n
}
