package edge_test

import (
	"bufio"
	"io"
	"net/http"
	"testing"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// What a request on a raw connection takes from the heap: its path; of media
// also the list of chunks, that of what is written, and the tag; of an error the
// writing and the status as text.
func TestRawConnectionAllocates(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	st.Publish(3)
	s := startEdge(t, b, nil)
	s.want(200, "/hls/a/index.m3u8")
	s.sees(st)
	for _, c := range []struct {
		name, path, fields string
		status             int
		most               float64
	}{
		{"list", "/hls/a/source/index.m3u8", "", 200, 1},
		{"list that was waited for", "/hls/a/source/index.m3u8?_HLS_msn=3&_HLS_part=2", "", 200, 1},
		{"delta update as gzip", "/hls/a/source/index.m3u8?_HLS_skip=YES", "Accept-Encoding: gzip\r\n", 200, 1},
		{"part", "/hls/a/source/3.1.m4s", "", 200, 4},
		{"segment", "/hls/a/source/2.m4s", "", 200, 4},
		{"init", "/hls/a/source/source0.mp4", "", 200, 4},
		{"nothing", "/hls/a/source/900.m4s", "", 404, 3},
	} {
		conn := s.dial(t)
		request := []byte(conn.get(c.path, "User-Agent: me\r\n", c.fields))
		conn.send(string(request))
		first := &counter{in: conn.in}
		res, err := http.ReadResponse(bufio.NewReader(first), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != c.status {
			t.Fatalf("%s: %v, status %d", c.name, err, res.StatusCode)
		}
		answer := make([]byte, first.bytes) // all of them are as long
		got := testing.AllocsPerRun(2000, func() {
			if _, err := conn.conn.Write(request); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn.in, answer); err != nil {
				t.Fatal(err)
			}
		})
		if got > c.most {
			t.Errorf("%s: %v allocations a request, more than %v", c.name, got, c.most)
		}
	}
}

// counter counts what is read.
type counter struct {
	in    io.Reader
	bytes int
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	c.bytes += n
	return n, err
}
