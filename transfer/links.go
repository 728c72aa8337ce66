package transfer

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"
)

// A link is a key that lets whoever has it read a file, until it expires or is
// revoked. Each is a file of its own, so that workers need not agree on anything.
type link struct {
	Key     string `json:"key"`
	Created int64  `json:"created"` // unix ms
	Until   int64  `json:"until"`   // unix ms; 0: for ever
	Label   string `json:"label,omitempty"`
}

// good says whether a link has not expired.
func (l link) good(now time.Time) bool { return l.Until == 0 || now.UnixMilli() < l.Until }

// lasting is the link that is good for longest, the oldest of several; ok is
// false when none is good.
func lasting(links []link, now time.Time) (best link, ok bool) {
	for _, l := range links {
		if l.good(now) && (!ok || best.Until != 0 && (l.Until == 0 || l.Until > best.Until)) {
			best, ok = l, true
		}
	}
	return best, ok
}

// maxLinks is how many links there are to a file, those that have ended included:
// all are read to list the file, and kept in files of their own. Several workers
// that make the last one at once may each make one.
const maxLinks = 200

// boundLink is addLink as long as there are not too many: errLinks. Those that
// have ended make room.
func (s *store) boundLink(name string, until time.Time, label string) (link, error) {
	s.linking.Lock()
	defer s.linking.Unlock()
	keys, err := s.list(path.Join(name, dirLinks))
	if err == nil && len(keys) >= maxLinks {
		err = s.eraseEnded(name)
	}
	if err != nil {
		return link{}, fmt.Errorf("make a link to %s: %w", name, err)
	}
	return s.addLink(name, until, label)
}

// eraseEnded erases the links that are good for nothing any more; errLinks:
// there are none.
func (s *store) eraseEnded(name string) error {
	links, err := s.links(name)
	if err != nil {
		return err
	}
	left := len(links)
	for _, l := range links {
		if !l.good(s.now()) && s.revokeLink(name, l.Key) == nil {
			left--
		}
	}
	if left >= maxLinks {
		return errLinks
	}
	return nil
}

// addLink makes a link that is good until a time; zero: for ever.
func (s *store) addLink(name string, until time.Time, label string) (link, error) {
	l := link{Key: newToken(), Created: s.now().UnixMilli(), Until: unixMS(until), Label: label}
	b, err := json.Marshal(l)
	if err == nil {
		err = s.write(path.Join(name, dirLinks, l.Key), b)
	}
	if err != nil {
		return link{}, fmt.Errorf("make a link to %s: %w", name, err)
	}
	return l, nil
}

// link reads one.
func (s *store) link(name, key string) (link, error) {
	b, err := s.read(path.Join(name, dirLinks, key))
	if err != nil {
		return link{}, err
	}
	var l link
	if json.Unmarshal(b, &l) != nil || l.Key != key {
		return link{}, errNotFound
	}
	return l, nil
}

// links lists them, the oldest first, also those that have expired: their owner is told so.
func (s *store) links(name string) ([]link, error) {
	all, err := s.list(path.Join(name, dirLinks))
	if err != nil {
		return nil, fmt.Errorf("list the links to %s: %w", name, err)
	}
	links := []link{}
	for _, key := range all {
		if l, err := s.link(name, key); err == nil {
			links = append(links, l)
		}
	}
	slices.SortFunc(links, func(a, b link) int { return int(a.Created - b.Created) })
	return links, nil
}

// revokeLink makes a link good for nothing.
func (s *store) revokeLink(name, key string) error {
	if !isToken(key) {
		return errNotFound
	}
	return s.erase(path.Join(name, dirLinks, key))
}
