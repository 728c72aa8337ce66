package hlscheck

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Lists as text are held against the same rules as those of a server.
func TestSeries(t *testing.T) {
	text, err := os.ReadFile("../../edge/testdata/media.m3u8")
	if err != nil {
		t.Fatal(err)
	}
	delta, err := os.ReadFile("../../edge/testdata/media_skip.m3u8")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, was, is string // in the second list
		rule          string // that is broken; empty: none
	}{
		{name: "the same again"},
		{"a discontinuity is forgotten", "DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:3", "discontinuity.step"},
		{"a segment gets longer", "#EXTINF:2.000,", "#EXTINF:2.001,", "list.kept"},
		{"the target changes", "TARGETDURATION:4", "TARGETDURATION:5", "target.constant"},
		{"a part is longer than any may be", "DURATION=0.500", "DURATION=0.600", "part.longest"},
		{"no list at all", "#EXTM3U", "#EXTM4U", syntaxRule},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewSeries("source")
			if found := s.Add(string(text)); found != nil {
				t.Fatal(found)
			}
			found := s.Add(strings.Replace(string(text), c.was, c.is, 1))
			if c.rule == "" {
				found = append(found, s.Delta(string(delta))...)
			}
			ok := len(found) == 0
			if c.rule != "" {
				ok = slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == c.rule })
			}
			if !ok {
				t.Errorf("found %v", found)
			}
		})
	}
}

// A hinted part whose segment became a gap never comes, and of an older segment
// no part is listed any more, which makes no false hint of the next one.
func TestHintOfPartThatIsNotListed(t *testing.T) {
	text, err := os.ReadFile("../../edge/testdata/media.m3u8")
	if err != nil {
		t.Fatal(err)
	}
	whole, _, _ := strings.Cut(string(text), "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:14:03.000Z\n")
	for _, gap := range []string{"#EXT-X-GAP\n", ""} {
		s := NewSeries("source")
		found := s.Add(whole + "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"118.0.m4s\"\n")
		found = append(found, s.Add(whole+gap+`#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:14:03.000Z
#EXTINF:2.000,
118.m4s
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:14:05.000Z
#EXT-X-PART:DURATION=0.500,URI="119.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="119.1.m4s"
`)...)
		if len(found) > 0 {
			t.Error(found)
		}
	}
}
