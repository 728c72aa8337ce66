package transfer

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/store"
)

// place is where a file is in lists, whose order it is: the newest is first.
type place struct {
	name string
	made int64 // unix ms
}

// String is the place as the cursor of a page.
func (p place) String() string { return strconv.FormatInt(p.made, 10) + "-" + p.name }

func parsePlace(text string) (p place, ok bool) {
	made, name, ok := strings.Cut(text, "-")
	at, err := strconv.ParseInt(made, 10, 64)
	return place{name, at}, ok && err == nil && store.IsToken(name)
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(q.made, p.made), cmp.Compare(p.name, q.name))
}

// order is a list of files in its order, as long as it has the same ones.
type order struct {
	changes uint64
	places  []place // read-only
}

// ordersMost is how many lists are kept in their order: it is most of what a page costs.
const ordersMost = 16
