package signal

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// position is a place in the log: an entry and a signal in it. A client's
// offset is the position of the last it has.
type position struct {
	seq   uint64
	index int // -1: before the first of the entry
}

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.seq, q.seq), cmp.Compare(p.index, q.index))
}

// before is the place just before p.
func (p position) before() position { return position{p.seq, p.index - 1} }

func (p position) String() string {
	return strconv.FormatUint(p.seq, 10) + "." + strconv.Itoa(p.index)
}

func parsePosition(s string) (position, error) {
	seq, index, ok := strings.Cut(s, ".")
	n, err := strconv.ParseUint(seq, 10, 64)
	i, err2 := strconv.Atoi(index)
	if !ok || err != nil || err2 != nil || i < -1 {
		return position{}, fmt.Errorf("offset %q is none of ours", s)
	}
	return position{n, i}, nil
}
