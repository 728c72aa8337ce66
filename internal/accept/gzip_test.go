package accept

import (
	"net/http"
	"testing"
)

func TestGzip(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"br"}, false},
		{[]string{"gzip"}, true},
		{[]string{"GZIP"}, true},
		{[]string{"x-gzip"}, true},
		{[]string{"deflate, gzip;q=1.0, *;q=0.5"}, true},
		{[]string{"gzip;q=0"}, false},
		{[]string{"gzip; Q = 0.000 "}, false},
		{[]string{"gzip;q=0, *"}, false},
		{[]string{"*"}, true},
		{[]string{"*;q=0"}, false},
		{[]string{"identity", "gzip"}, true},
		{[]string{"gzip;q=x"}, false},
		{[]string{"gzipped"}, false},
	} {
		if got := Gzip(http.Header{"Accept-Encoding": c.lines}); got != c.want {
			t.Errorf("%q: %v", c.lines, got)
		}
	}
}

func FuzzGzip(f *testing.F) {
	for _, line := range []string{"gzip", "*;q=0, gzip", ";;,;q==0,"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if GzipIn(line) != Gzip(http.Header{"Accept-Encoding": {line}}) {
			t.Errorf("%q is read in two ways", line)
		}
	})
}
