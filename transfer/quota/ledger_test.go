package quota

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// Whatever is booked in whatever order, the sums are those of the entries, and what
// fits stays below the limits.
func TestSumsAreThoseOfTheEntries(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := NewLedger(Limits{Owner: 500, Total: 1200, Files: 10})
	for range 20_000 {
		name, owner, bytes := fmt.Sprint("upload", r.IntN(12)), fmt.Sprint("owner", r.IntN(4)), r.Int64N(200)
		_, there := l.entries[name]
		switch r.IntN(7) {
		case 0:
			if !there && l.Reserve(name, owner, bytes) == nil {
				l.Created(name)
			}
		case 1:
			if there {
				_ = l.Grow(name, l.entries[name].owner, bytes)
			}
		case 2:
			if there {
				b := l.Reader(strings.NewReader(strings.Repeat("x", int(bytes))), name, l.entries[name].owner, l.entries[name].bytes, 100)
				n, err := io.Copy(io.Discard, b)
				if err != nil || n < bytes && b.Err() == nil {
					t.Fatalf("%d of %d bytes: %v, %v", n, bytes, err, b.Err())
				}
				b.Close(l.entries[name].bytes)
			}
		case 3:
			l.Drop(name)
		case 4:
			l.Absent(name)
		case 5:
			l.Listed()
		case 6:
			if there && l.entries[name].bytes <= l.remaining(owner) {
				l.SetOwner(name, owner)
			}
		}
		owners, total := map[string]int64{}, int64(0)
		for _, e := range l.entries {
			owners[e.owner] += e.bytes
			total += e.bytes
		}
		files, sum := l.Sums()
		if files != len(l.entries) || sum != total || total > 1200 || files > 10 {
			t.Fatalf("%d files of %d bytes are said to be, there are %d of %d", files, sum, len(l.entries), total)
		}
		for owner, n := range owners {
			if n > 500 || l.owners[owner] != n {
				t.Fatalf("%s has %d bytes, %d are booked", owner, n, l.owners[owner])
			}
		}
	}
}

// What was dropped while the store was listed is not booked by that listing.
func TestListingDoesNotBringBackWhatWasDropped(t *testing.T) {
	l := NewLedger(Limits{Files: 10})
	for _, listings := range []int{0, 1} {
		if err := l.Reserve("one", "ann", 10); err != nil {
			t.Fatal(err)
		}
		l.Drop("one")
		for range listings {
			l.Listed()
		}
		l.Learn("one", "ann", 10)
		if files, n := l.Sums(); files != 0 || n != 0 {
			t.Errorf("after %d listings %d files of %d bytes are booked", listings, files, n)
		}
		l.Listed()
		l.Listed()
	}
	l.Learn("one", "ann", 10)
	if files, _ := l.Sums(); files != 1 {
		t.Error("what another worker made under the name is not booked")
	}
	if err := l.Reserve("two", "ann", 1<<61); err != nil {
		t.Errorf("without a limit: %v", err)
	}
	l = NewLedger(Limits{Files: 1})
	_ = l.Reserve("one", "ann", 0)
	if err := l.Reserve("two", "bob", 0); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more than may be: %v", err)
	}
}
