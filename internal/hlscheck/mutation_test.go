package hlscheck

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// mutation breaks one rule, and with it what follows from it.
type mutation struct {
	rule string
	how  string
	edit func(f *fake, p *pipes, o *Options)
	also []string // rules that this may break too
}

// onList changes every media playlist.
func onList(change func(q *query, l *List)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.list = change }
}

func onMaster(change func(m *Master)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.master = change }
}

func onAsk(change func(q *query)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.ask = change }
}

func onSample(change func(p partID, track int, s *mp4.FullSample)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.sample = change }
}

func onHeader(change func(r *http.Request, status int, h http.Header)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.header = change }
}

// oneSegment is where things go wrong; the watch begins at segment 30.
const oneSegment = 33

// late tells whether a list is of the second half of the watch.
func late(q *query) bool { return q.newest > oneSegment*partsPerSegment }

// eachListed calls f with the listed parts.
func eachListed(l *List, f func(s *Segment, i int, p *Part)) {
	for j := range l.Segments {
		for i := range l.Segments[j].Parts {
			f(&l.Segments[j], i, &l.Segments[j].Parts[i])
		}
	}
	if l.Open != nil {
		for i := range l.Open.Parts {
			f(l.Open, i, &l.Open.Parts[i])
		}
	}
}

func mediaFile(r *http.Request) bool { return strings.Contains(r.URL.Path, "4") }

func mutations() []mutation {
	return slices.Concat(listMutations(), mediaMutations(), directiveMutations(), masterMutations(), httpMutations())
}

func TestEachRuleIsBrokenByItsMutation(t *testing.T) {
	if apart(t) {
		return
	}
	broken := map[string]bool{}
	for _, m := range mutations() {
		broken[m.rule] = true
		t.Run(m.rule+"/"+strings.ReplaceAll(m.how, " ", "-"), func(t *testing.T) {
			t.Parallel()
			rep := run(t, func(f *fake, p *pipes, o *Options) {
				o.Duration = 6 * time.Second
				m.edit(f, p, o)
			})
			got := brokenRules(rep)
			if !slices.Contains(got, m.rule) {
				t.Errorf("not found; found instead: %v", got)
			}
			for _, id := range got {
				if id != m.rule && !slices.Contains(m.also, id) {
					t.Errorf("%s is found, too", id)
				}
			}
			if t.Failed() {
				must(t, rep.Print(os.Stderr, false))
			}
		})
	}
	for _, r := range Rules() {
		if !broken[r.ID] && r.ID != "media.decodes" {
			t.Errorf("rule %s has no mutation", r.ID)
		}
	}
}
