package web

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// box pretends to be a PSE box: the pages of this package, the streams API and
// low-latency HLS with blocked answers, from recordings that loop for ever.
type box struct {
	url  string
	quit chan struct{}

	mu      sync.Mutex
	down    bool // every request is cut off, as by a killed edge
	streams map[string]*pretended
	asked   []string // paths of all requests
	knew    []string // what the requests for one stream knew of it
	roots   string   // more of /api/certificate, as `"earlier":{},`
}

// pretended is a stream of the box. Its part n is there at start + (n+1) * partTime.
type pretended struct {
	state      string
	start      time.Time
	end        time.Time
	viewers    int
	renditions []*recording
	noPoster   bool
	audio      bool // there is a rendition without a picture: in truth the last one
}

// elsewhere is by what others reach the box.
const elsewhere = "http://192.168.1.20:8080"

func newBox(t *testing.T, more ...func(*http.ServeMux)) *box {
	b := &box{quit: make(chan struct{}), streams: make(map[string]*pretended)}
	mux := http.NewServeMux()
	Routes(mux)
	for _, f := range more {
		f(mux)
	}
	mux.HandleFunc("GET /api/publish", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"port":1935,"app":"live","key":true,"home":"` + elsewhere + `/"}`))
	})
	mux.HandleFunc("GET /api/streams", b.list)
	mux.HandleFunc("GET /api/certificate", func(w http.ResponseWriter, _ *http.Request) {
		fingerprint := strings.TrimSuffix(strings.Repeat("4F:", 32), ":")
		b.mu.Lock()
		defer b.mu.Unlock()
		_, _ = w.Write([]byte(`{"private":true,"root":"/certificate/pse.crt","https":8443,"constrained":true,` + b.roots + `"fingerprint":"` + fingerprint + `"}`))
	})
	mux.HandleFunc("GET /api/streams/{name}", b.one)
	mux.HandleFunc("GET /hls/{name}/{file}", b.top)
	mux.HandleFunc("GET /hls/{name}/{rendition}/{file}", b.media)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.asked = append(b.asked, r.URL.Path)
		down := b.down
		b.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if tcp, ok := c.(*net.TCPConn); ok && state == http.StateNew {
			_ = tcp.SetReadBuffer(64 << 10) // else megabytes are sent before anybody reads them
		}
	}
	server.Start()
	b.url = server.URL
	t.Cleanup(func() { close(b.quit); server.CloseClientConnections(); server.Close() })
	return b
}

// publish starts a stream that has been live for a while.
func (b *box) publish(name string, since time.Duration, renditions ...*recording) *pretended {
	s := &pretended{state: "live", start: time.Now().Add(-since), viewers: 1, renditions: renditions}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams[name] = s
	return s
}

// change does something to the box's state.
func (b *box) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *box) get(name string) (s pretended, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.streams[name]; p != nil {
		return *p, true
	}
	return s, ok
}

// parts is how many parts there are now.
func (s *pretended) parts(now time.Time) int {
	if s.state != "live" {
		now = s.end
	}
	return max(0, int(now.Sub(s.start)/partTime))
}

func (s *pretended) describe(name string) map[string]any {
	path := "/hls/" + url.PathEscape(name)
	d := map[string]any{
		"name": name, "app": "live", "state": s.state, "started_at": s.start.UnixMilli(), "viewers": s.viewers, "fps": 15,
		"hls": path + "/index.m3u8", "watch": "/watch/" + url.PathEscape(name),
	}
	if s.state == "ended" {
		d["ended_at"] = s.end.UnixMilli()
	}
	if len(s.renditions) > 0 {
		d["width"], d["height"] = s.renditions[0].width, s.renditions[0].height
		if !s.noPoster {
			d["poster"], d["thumb"] = path+"/poster.jpg", path+"/thumb.jpg"
		}
	}
	return d
}

func (b *box) list(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := []any{}
	for name, s := range b.streams {
		all = append(all, s.describe(name))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"streams": all})
}

func (b *box) one(w http.ResponseWriter, r *http.Request) {
	name, unless := r.PathValue("name"), r.URL.Query().Get("unless")
	b.change(func() { b.knew = append(b.knew, unless) })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	s, ok := b.get(name)
	for waits := true; waits && (unless == "absent" && !ok || ok && s.state == unless); s, ok = b.get(name) {
		select {
		case <-tick.C:
		case <-b.quit:
			waits = false
		case <-r.Context().Done():
			waits = false
		}
	}
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error":"no such stream"}`))
		return
	}
	_ = json.NewEncoder(w).Encode(s.describe(r.PathValue("name")))
}

func (b *box) top(w http.ResponseWriter, r *http.Request) {
	s, ok := b.get(r.PathValue("name"))
	switch {
	case !ok || len(s.renditions) == 0:
		http.NotFound(w, r)
	case strings.HasSuffix(r.PathValue("file"), ".jpg"):
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(s.renditions[0].poster)
	default:
		var list strings.Builder
		list.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n")
		for i, rec := range s.renditions {
			fmt.Fprintf(&list, "#EXT-X-STREAM-INF:BANDWIDTH=%d,CODECS=\"avc1.42c01e,mp4a.40.2\",RESOLUTION=%dx%d,FRAME-RATE=15.000\n%d/index.m3u8\n",
				rec.width*4000, rec.width, rec.height, i)
		}
		if s.audio {
			fmt.Fprintf(&list, "#EXT-X-STREAM-INF:BANDWIDTH=96000,CODECS=\"mp4a.40.2\"\n%d/index.m3u8\n", len(s.renditions)-1)
		}
		w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		_, _ = w.Write([]byte(list.String()))
	}
}

func (b *box) media(w http.ResponseWriter, r *http.Request) {
	name, file := r.PathValue("name"), r.PathValue("file")
	rendition, _ := strconv.Atoi(r.PathValue("rendition"))
	s, ok := b.get(name)
	if !ok || rendition >= len(s.renditions) {
		http.NotFound(w, r)
		return
	}
	rec := s.renditions[rendition]
	var msn, part int
	switch {
	case file == "init.mp4":
		_, _ = w.Write(rec.init)
	case file == "index.m3u8":
		q := r.URL.Query()
		if q.Has("_HLS_msn") {
			msn, _ = strconv.Atoi(q.Get("_HLS_msn"))
			part, _ = strconv.Atoi(q.Get("_HLS_part"))
			if !b.wait(r, name, msn*segmentParts+part) {
				panic(http.ErrAbortHandler)
			}
			s, _ = b.get(name)
		}
		w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		_, _ = w.Write(s.playlist())
	case scan(file, "%d.%d.m4s", &msn, &part):
		if !b.wait(r, name, msn*segmentParts+part) {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(rec.part(msn*segmentParts + part))
	case scan(file, "%d.m4s", &msn):
		for i := range segmentParts {
			_, _ = w.Write(rec.part(msn*segmentParts + i))
		}
	default:
		http.NotFound(w, r)
	}
}

func scan(s, format string, into ...any) bool {
	n, err := fmt.Sscanf(s, format, into...)
	return err == nil && n == len(into)
}

// wait returns when part n is there, or false when it never will be.
func (b *box) wait(r *http.Request, name string, n int) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		s, ok := b.get(name)
		b.mu.Lock()
		down := b.down
		b.mu.Unlock()
		switch {
		case !ok || down:
			return false
		case s.parts(time.Now()) > n || s.state == "ended":
			return true
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return false
		case <-b.quit:
			return false
		}
	}
}

func (s *pretended) playlist() []byte {
	n := s.parts(time.Now())
	first := max(0, n/segmentParts-20)
	var list strings.Builder
	fmt.Fprintf(&list, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.66\n"+
		"#EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-MAP:URI=\"init.mp4\"\n", first)
	for msn := first; msn*segmentParts <= n; msn++ {
		fmt.Fprintf(&list, "#EXT-X-PROGRAM-DATE-TIME:%s\n", s.start.Add(time.Duration(msn*segmentParts)*partTime).UTC().Format("2006-01-02T15:04:05.000Z"))
		for i := range segmentParts {
			if at := msn*segmentParts + i; at < n && n-at < 30 {
				fmt.Fprintf(&list, "#EXT-X-PART:DURATION=0.2,URI=\"%d.%d.m4s\"", msn, i)
				if i == 0 {
					list.WriteString(",INDEPENDENT=YES")
				}
				list.WriteString("\n")
			}
		}
		if (msn+1)*segmentParts <= n {
			fmt.Fprintf(&list, "#EXTINF:2.0,\n%d.m4s\n", msn)
		}
	}
	if s.state == "ended" {
		list.WriteString("#EXT-X-ENDLIST\n")
	} else {
		fmt.Fprintf(&list, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%d.%d.m4s\"\n", n/segmentParts, n%segmentParts)
	}
	return []byte(list.String())
}
