package store

import (
	"encoding/json"
	"testing"
)

// What is on disks and in buckets is read by later versions, and by earlier ones
// beside them.
func TestFormatsStay(t *testing.T) {
	name, key := "abcdefghijklmnopqrstuvwx", "234567abcdefghijklmnopqr"
	for want, i := range map[string]*Info{
		`{"name":"abcdefghijklmnopqrstuvwx","key":"234567abcdefghijklmnopqr","owner":"","size":-1,"created":0}` + "\ned5dedbe\n": {Name: name, Key: key, Size: -1},
		`{"name":"abcdefghijklmnopqrstuvwx","key":"234567abcdefghijklmnopqr","owner":"ann","size":7,"meta":{"filename":"x"},` +
			`"created":1,"completed":2,"type":"text/plain","sha256":"00ff","corrupt":true,"partial":true,"final":true,"parts":["p"],` +
			`"stored":{"end":7,"data":"data","upload":"id","parts":[{"n":1,"size":5,"etag":"e"}],"next":2,"tail":"tail-x"},` +
			`"gone":{"reason":"deleted","at":3}}` + "\na7e629fa\n": {
			Name: name, Key: key, Owner: "ann", Size: 7, Meta: map[string]string{"filename": "x"}, Created: 1, Completed: 2, Type: "text/plain",
			SHA256: "00ff", Corrupt: true, Partial: true, Final: true, Parts: []string{"p"},
			Stored:  &Stored{End: 7, Data: "data", Upload: "id", Parts: []Part{{1, 5, "e"}}, Next: 2, Tail: "tail-x"},
			Removal: &Removal{RemovedBySender, 3},
		},
	} {
		if got, err := EncodeInfo(i); err != nil || string(got) != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
	for want, v := range map[string]any{
		`{"key":"234567abcdefghijklmnopqr","created":1,"until":2,"label":"for Ann"}`: Link{Key: key, Created: 1, Until: 2, Label: "for Ann"},
		`{"reason":"expired","at":4}`:                 Removal{RemovedByAge, 4},
		`{"offset":1,"lost":2,"at":3,"reason":"why"}`: Damage{1, 2, 3, "why"},
	} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
	for want, got := range map[string]string{
		"info": FileInfo, "lost": FileLost, ".": DirUploads, "removed": DirRemoved, "damaged": DirDamaged, "links": DirLinks,
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
