package transfer

import (
	"bytes"
	"net/http"

	"github.com/helios-h2020/pse/bus/bustest"
)

func (l *life) restartOne() { l.restart(l.r.IntN(len(l.workers))) }

// killOne has a worker die within the next thing that it does, or soon.
func (l *life) killOne() {
	i := l.r.IntN(len(l.workers))
	l.backends[i].die(1+l.r.Int64N(8), l.r.IntN(2) == 0)
	alive := l.workers
	l.workers = [2]*running{l.workers[i], l.workers[i]}
	s := &sending{ended: true}
	var a reply
	switch o := l.one(); {
	case o != nil && l.r.IntN(3) > 0:
		s = o
		a = l.patch(s, bytes.NewReader(s.body[s.acked:]))
	case o != nil:
		s = o
		if a = l.ask(l.any(), "DELETE", s.id, nil); a.StatusCode == http.StatusNoContent {
			s.ended = true
		}
		a = reply{}
	default:
		_ = l.ask(l.any(), "POST", "", nil, "Upload-Length", "10")
	}
	l.workers = alive
	l.restart(i)
	l.resolve(s, a)
}

// resolve takes in what became of an upload whose worker died.
func (l *life) resolve(s *sending, a reply) {
	if s.ended {
		return
	}
	if a.Response == nil { // it was to be deleted: it may be
		bustest.Eventually(l.t, "it is deleted, or there", func() bool {
			h := l.ask(l.any(), "HEAD", s.id, nil)
			s.ended = h.StatusCode == http.StatusNotFound
			return s.ended || h.StatusCode == http.StatusOK
		})
		if s.ended {
			return
		}
	} else if a.StatusCode == http.StatusNoContent {
		s.acked = len(s.body)
	}
	l.learn(s)
}
