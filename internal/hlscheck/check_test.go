package hlscheck

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// run checks a fake in a bubble of its own time.
func run(t *testing.T, edit func(f *fake, p *pipes, o *Options)) *Report {
	t.Helper()
	if _, err := clips(); err != nil {
		t.Fatalf("make the test's media: %v; install ffmpeg", err)
	}
	var rep *Report
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		p := &pipes{h: f}
		o := Options{Duration: 20 * time.Second, Client: &http.Client{Transport: p}, Second: second.String(), Slack: 10 * time.Millisecond}
		if edit != nil {
			edit(f, p, &o)
		}
		var err error
		rep, err = Check(t.Context(), fakeHost, o)
		p.running.Wait()
		if err != nil {
			t.Fatal(err)
		}
	})
	return rep
}

// stops makes the stream stand still for longer than a server may block, and then end.
func stops(f *fake, _ *pipes, o *Options) {
	f.pauseAt, f.ends = 32, 35
	o.Duration = 15 * time.Second
	o.Outage = 5 * time.Second
}

// leaves has the server be away for a second as soon as its master playlist was read.
func leaves(f *fake, _ *pipes, o *Options) {
	o.Outage = 5 * time.Second
	back := time.Now().Add(time.Second)
	f.serve = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if r.URL.Path != "/hls/x/index.m3u8" && time.Now().Before(back) {
			w.Header().Set("Cache-Control", "max-age=1")
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next(w, r)
	}
}

func TestNothingIsFoundInAGoodStream(t *testing.T) {
	if apart(t) {
		return
	}
	exercised := map[string]bool{}
	for _, c := range []struct {
		name string
		edit func(*fake, *pipes, *Options)
	}{
		{"live", nil},
		{"one edge", func(_ *fake, _ *pipes, o *Options) { o.Second = "" }},
		{"stops and ends", stops},
		{"is away at the start", leaves},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := run(t, c.edit)
			if !rep.OK() || testing.Verbose() {
				must(t, rep.Print(os.Stderr, true))
			}
			if !rep.OK() {
				t.Errorf("findings in a good stream: %v", brokenRules(rep))
			}
			for _, r := range rep.Results {
				exercised[r.Rule.ID] = exercised[r.Rule.ID] || r.Exercised > 0
			}
		})
	}
	for _, r := range Rules() {
		if !exercised[r.ID] && r.ID != "media.decodes" { // that runs a program, which a bubble cannot wait for
			t.Errorf("rule %s was never exercised", r.ID)
		}
	}
	ids := map[string]bool{}
	for _, r := range Rules() {
		if ids[r.ID] || r.Text == "" || r.Spec == "" || r.Line == "" {
			t.Errorf("rule %q is there twice or says nothing", r.ID)
		}
		ids[r.ID] = true
	}
}

// What is told of a stream with its end, after a grace time, was waited for by nobody.
func TestNobodyWaitsForTheEnd(t *testing.T) {
	if apart(t) {
		return
	}
	const grace = 5 * time.Second
	for _, held := range []int{partsPerSegment, partsPerSegment - 1} {
		rep := run(t, func(f *fake, _ *pipes, o *Options) {
			f.ends = 35
			o.Outage = 2 * grace
			last := f.available((f.ends+1)*partsPerSegment - 1)
			f.list = func(_ *query, l *List) {
				if n := len(l.Segments) - 1; l.Ended && time.Since(last) < grace {
					open := l.Segments[n]
					open.Duration, open.URI = 0, ""
					open.Parts = open.Parts[:held]
					l.Segments, l.Open, l.Ended = l.Segments[:n], &open, false
				}
			}
		})
		for _, r := range rep.Watched {
			if r.PartGap >= grace {
				t.Errorf("%s: a part was waited for for %v", r.Rendition, r.PartGap)
			}
		}
		if len(rep.Watched) == 0 {
			t.Error("nothing was watched")
		}
	}
}

// Over a real network the checker sees HTTP/2 and TLS as they are, and does
// not take time-outs of a slow machine for the server's.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	if _, err := clips(); err != nil {
		t.Fatalf("make the test's media: %v; install ffmpeg", err)
	}
	s := httptest.NewUnstartedServer(newFake(t))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	rep, err := Check(t.Context(), s.URL+"/hls/x/index.m3u8", Options{Duration: 3 * time.Second, Client: s.Client(), Slack: 10 * time.Second, Probe: "ffprobe"})
	if err != nil {
		t.Fatal(err)
	}
	if !rep.OK() {
		must(t, rep.Print(os.Stderr, false))
		t.Errorf("findings: %v", brokenRules(rep))
	}
	for _, r := range rep.Results {
		if id := r.Rule.ID; (id == "http.2" || id == "http.tls" || id == "media.decodes") && r.Exercised == 0 {
			t.Errorf("rule %s had nothing to look at", id)
		}
	}
}

// The decoder's complaints are a finding.
func TestBrokenMediaDoesNotDecode(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.sample = func(p partID, track int, s *mp4.FullSample) {
		if p.part == 3 && len(s.Data) > 40 && p.rendition == "high" && track == 0 {
			s.Data = append(slices.Clone(s.Data[:8]), make([]byte, len(s.Data)-8)...)
		}
	}
	s := httptest.NewServer(f)
	defer s.Close()
	rep, err := Check(t.Context(), s.URL+"/hls/x/index.m3u8", Options{Duration: 2 * time.Second, Slack: 10 * time.Second, Probe: "ffprobe"})
	if err != nil {
		t.Fatal(err)
	}
	if got := brokenRules(rep); !slices.Equal(got, []string{"media.decodes"}) {
		must(t, rep.Print(os.Stderr, false))
		t.Errorf("found %v, not media.decodes", got)
	}
}

// There is nothing to watch where there is no stream.
func TestNoStream(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	for _, u := range []string{s.URL + "/hls/x/index.m3u8", "x", "ftp://x/y", "http://"} {
		if _, err := Check(t.Context(), u, Options{}); err == nil {
			t.Errorf("no error for %s", u)
		}
	}
}

// brokenRules lists the rules with findings.
func brokenRules(r *Report) []string {
	var ids []string
	for _, x := range r.Results {
		if x.Failed > 0 {
			ids = append(ids, x.Rule.ID)
		}
	}
	return ids
}
