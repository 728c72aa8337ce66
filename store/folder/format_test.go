package folder

import (
	"encoding/hex"
	"testing"

	"github.com/helios-h2020/pse/store/storetest"
)

// A journal is read by later versions, and by earlier ones beside them.
func TestJournalStays(t *testing.T) {
	got, last := appendRecords(nil, record{}, storetest.Random(1, 70_000))
	if want := "0000000000010000f72e025202dbbb3d00000000000111701d859aa30937ca53"; hex.EncodeToString(got) != want || last.end != 70_000 {
		t.Errorf("%x, want %s", got, want)
	}
	for want, got := range map[string]string{"data": fileData, "crc": fileJournal, "info.old": fileInfoOld, "info.new": fileInfoNew, "gone": fileRemoval} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
