package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// given is a link to a file of the drawer.
type given struct {
	key, label string
	until      time.Time // zero: for ever
}

func (g *given) good() bool { return g.until.IsZero() || time.Now().Before(g.until) }

func (s *stored) describeLink(g *given) map[string]any {
	m := map[string]any{"key": g.key, "url": "/files/" + s.id + "-" + g.key, "label": g.label, "created_at": s.at.UnixMilli()}
	if !g.until.IsZero() {
		m["expires_at"] = g.until.UnixMilli()
	}
	return m
}

// lasting is the URL of a link that works; empty: there is none.
func (s *stored) lasting() string {
	for _, g := range s.links {
		if g.good() {
			return "/files/" + s.id + "-" + g.key
		}
	}
	return ""
}

func (d *drawer) link(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, write := d.find(r)
	var q struct {
		ExpiresIn int64  `json:"expires_in"`
		Label     string `json:"label"`
	}
	if !write || json.NewDecoder(r.Body).Decode(&q) != nil {
		d.say(w, "not_found")
		return
	}
	d.made++
	g := &given{key: "link" + itoa(d.made), label: q.Label}
	if q.ExpiresIn > 0 {
		g.until = time.Now().Add(time.Duration(q.ExpiresIn) * time.Second)
	}
	s.links = append(s.links, g)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(s.describeLink(g))
}

func (d *drawer) revoke(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, write := d.find(r)
	if !write {
		d.say(w, "not_found")
		return
	}
	s.links = slices.DeleteFunc(s.links, func(g *given) bool { return g.key == r.PathValue("key") })
	w.WriteHeader(http.StatusNoContent)
}
