package folder

import (
	"bytes"
	"testing"

	"github.com/helios-h2020/pse/store/storetest"
)

// What is read of a journal is a chain of records, and what was appended is read.
func FuzzJournal(f *testing.F) {
	good, r := appendRecords(nil, record{}, storetest.Random(1, 200_000))
	more, _ := appendRecords(nil, r, storetest.Random(2, 10))
	f.Add(good)
	f.Add(append(good, more...))
	f.Add(good[:len(good)-3])
	f.Add(append([]byte{1}, good...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var last record
		n, err := eachRecord(bytes.NewReader(b), func(r record) bool {
			if r.end <= last.end || r.end-r.begin() > blockSize {
				t.Errorf("%+v after %+v", r, last)
			}
			last = r
			return true
		})
		if err != nil || n%recordSize != 0 || n > int64(len(b)) {
			t.Errorf("%d of %d bytes, %v", n, len(b), err)
		}
		longer, end := appendRecords(bytes.Clone(b[:n]), last, storetest.Random(3, 70_000))
		m, err := eachRecord(bytes.NewReader(longer), func(r record) bool { last = r; return true })
		if err != nil || m != int64(len(longer)) || last != end {
			t.Errorf("appended to %d bytes: %d of %d read, %v", n, m, len(longer), err)
		}
	})
}
