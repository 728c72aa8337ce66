package hlscheck

import "net/url"

// Series holds the media playlists of one rendition, each read after the one
// before, against the rules of what is in them. It needs no server: rules of
// requests, media and other renditions look at nothing.
type Series struct {
	judge      *judge
	r          *rendition
	base, full *List // the newest list and the one before it
}

// NewSeries begins a series. Its first list is that of a client that has just come.
func NewSeries(name string) *Series {
	var o Options
	u := &url.URL{Scheme: "http", Host: "series", Path: "/" + name + "/index.m3u8"}
	return &Series{judge: newJudge(o, newStream(&o, u, nil)), r: newRendition(&o, u)}
}

// Add takes the next full list, and returns what is wrong with it that was not wrong before.
func (s *Series) Add(text string) []Finding {
	known := len(s.judge.results.findings)
	rep := &reply{purpose: forList, r: s.r, url: s.r.url.String()}
	now, err := ParseList(text)
	s.judge.syntax(rep, err)
	if err == nil {
		if s.r.first == nil {
			s.r.first = now
		}
		s.judge.list(&listing{r: s.r, prev: s.r.last, now: now, rep: rep, first: s.r.first})
		s.base, s.full, s.r.last = s.r.last, now, now
	}
	return s.judge.results.findings[known:]
}

// Delta holds a delta update, made when the newest list was, against that list
// and the one before it, which a client would put it together from.
func (s *Series) Delta(text string) []Finding {
	known := len(s.judge.results.findings)
	rep := &reply{purpose: forDelta, r: s.r, url: s.r.url.String()}
	delta, err := ParseList(text)
	s.judge.syntax(rep, err)
	if err == nil && s.base != nil && s.full != nil {
		s.judge.pair(&pair{alike: deltaOfFull, r: s.r, a: rep, b: rep, la: s.full, lb: delta, base: s.base})
	}
	return s.judge.results.findings[known:]
}

// Newest is the newest list that could be read, nil before the first.
func (s *Series) Newest() *List { return s.full }
