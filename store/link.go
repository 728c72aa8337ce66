package store

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"
)

// A Link is a key that lets whoever has it read a file, until it expires or is
// revoked. Each is a file of its own, so that workers need not agree on anything.
type Link struct {
	Key     string `json:"key"`
	Created int64  `json:"created"`         // unix ms
	Until   int64  `json:"until"`           // unix ms; 0: for ever
	Label   string `json:"label,omitempty"` // of whoever made it
}

// Good says whether a link is valid at a time: it has not expired.
func (l Link) Good(now time.Time) bool { return l.Until == 0 || now.UnixMilli() < l.Until }

// Lasting is the link that is valid for longest, the oldest of several; ok is false when
// none is valid.
func Lasting(links []Link, now time.Time) (best Link, ok bool) {
	for _, l := range links {
		if l.Good(now) && (!ok || best.Until != 0 && (l.Until == 0 || l.Until > best.Until)) {
			best, ok = l, true
		}
	}
	return best, ok
}

// maxLinks is the most links to a file, expired ones included: each is a file, and all
// are read to list the file. Workers that make the last one at once may each make one.
const maxLinks = 200

// AddLink makes a link that expires at a time; the zero time: never. ErrLinks: there are
// 200 that have not expired; expired ones are deleted to make room.
func (s *Store) AddLink(name string, until time.Time, label string) (Link, error) {
	s.linking.Lock()
	defer s.linking.Unlock()
	keys, err := s.List(path.Join(name, DirLinks))
	if err == nil && len(keys) >= maxLinks {
		err = s.eraseEnded(name)
	}
	if err != nil {
		return Link{}, fmt.Errorf("make a link to %s: %w", name, err)
	}
	return s.addLink(name, until, label, s.Write)
}

// eraseEnded deletes the links that have expired; ErrLinks: as many as may be are left.
func (s *Store) eraseEnded(name string) error {
	links, err := s.Links(name)
	if err != nil {
		return err
	}
	left := len(links)
	for _, l := range links {
		if !l.Good(s.now()) && s.RevokeLink(name, l.Key) == nil {
			left--
		}
	}
	if left >= maxLinks {
		return ErrLinks
	}
	return nil
}

// FirstLink makes the link of a new upload, which does not expire.
func (s *Store) FirstLink(name string) (Link, error) {
	return s.addLink(name, time.Time{}, "", s.Backend.Add)
}

func (s *Store) addLink(name string, until time.Time, label string, write func(string, []byte) error) (Link, error) {
	l := Link{Key: NewToken(), Created: s.now().UnixMilli(), Until: unixMS(until), Label: label}
	b, err := json.Marshal(l)
	if err == nil {
		err = write(path.Join(name, DirLinks, l.Key), b)
	}
	if err != nil {
		return Link{}, fmt.Errorf("make a link to %s: %w", name, err)
	}
	return l, nil
}

// Link is the link to a file with a key, also when it has expired.
func (s *Store) Link(name, key string) (Link, error) {
	b, err := s.Read(path.Join(name, DirLinks, key))
	if err != nil {
		return Link{}, err
	}
	var l Link
	if json.Unmarshal(b, &l) != nil || l.Key != key {
		return Link{}, ErrNotFound
	}
	return l, nil
}

// Links are the links to a file, the oldest first, expired ones included.
func (s *Store) Links(name string) ([]Link, error) {
	all, err := s.List(path.Join(name, DirLinks))
	if err != nil {
		return nil, fmt.Errorf("list the links to %s: %w", name, err)
	}
	links := []Link{}
	for _, key := range all {
		if l, err := s.Link(name, key); err == nil {
			links = append(links, l)
		}
	}
	slices.SortFunc(links, func(a, b Link) int { return int(a.Created - b.Created) })
	return links, nil
}

// RevokeLink deletes a link.
func (s *Store) RevokeLink(name, key string) error {
	if !IsToken(key) {
		return ErrNotFound
	}
	return s.Erase(path.Join(name, DirLinks, key))
}

// unixMS is a time as JSON has it; the zero time is 0.
func unixMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
