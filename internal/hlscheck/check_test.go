package hlscheck

import (
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
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

func TestNothingIsFoundInAGoodStream(t *testing.T) {
	exercised := map[string]bool{}
	for _, c := range []struct {
		name string
		edit func(*fake, *pipes, *Options)
	}{
		{"live", nil},
		{"one edge", func(_ *fake, _ *pipes, o *Options) { o.Second = "" }},
		{"stops and ends", stops},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := run(t, c.edit)
			if !rep.OK() || testing.Verbose() {
				must(t, rep.Print(os.Stderr, true))
			}
			if !rep.OK() {
				t.Errorf("findings in a good stream: %v", rep.Broken())
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
