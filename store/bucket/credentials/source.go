// Package credentials finds the keys of a bucket where Amazon's tools look for
// them, in their order:
//
//  1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN;
//  2. a role for a token in a file: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN,
//     as Kubernetes sets them;
//  3. ~/.aws/credentials and ~/.aws/config (AWS_SHARED_CREDENTIALS_FILE,
//     AWS_CONFIG_FILE), in them the profile AWS_PROFILE: keys, a program that gives
//     them, a token in a file, a login by `aws sso login` while it lasts, and a role
//     to take on with any of these;
//  4. what runs the container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI);
//  5. the role of the machine, by its metadata service (IMDSv2, or 1 if it has no
//     other).
//
// Keys that end are had anew before they do.
package credentials

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// Source has the keys, and gets them anew. All its methods may be called at once.
type Source struct {
	get  provider
	turn chan struct{} // its place has who gets keys

	mu    sync.Mutex
	keys  sigv4.Keys // guarded by mu
	until time.Time  // they are fresh; zero: as long as they are there; guarded by mu
}

func newSource(p provider) *Source { return &Source{get: p, turn: make(chan struct{}, 1)} }

// Static has keys that do not end.
func Static(k sigv4.Keys) *Source { return newSource(keep(k)) }

// refreshBefore is how long before keys end they are had anew; of those that last
// shorter, a quarter of that.
const refreshBefore = 5 * time.Minute

// Get gives keys that have not ended.
func (s *Source) Get(ctx context.Context) (sigv4.Keys, error) {
	if k, fresh := s.fresh(); fresh {
		return k, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return sigv4.Keys{}, context.Cause(ctx)
	}
	old, fresh := s.fresh()
	if fresh { // somebody else got them meanwhile
		return old, nil
	}
	k, err := s.get(ctx)
	switch {
	case err != nil && old.ID != "" && time.Now().Before(old.Expires):
		return old, nil // they do for a while
	case err != nil:
		return sigv4.Keys{}, err
	case k.ID == "" || k.Secret == "":
		return sigv4.Keys{}, errNone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.until = k, time.Time{}
	if !k.Expires.IsZero() {
		s.until = k.Expires.Add(-min(refreshBefore, time.Until(k.Expires)/4))
	}
	return k, nil
}

func (s *Source) fresh() (k sigv4.Keys, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.keys.ID != "" && (s.until.IsZero() || time.Now().Before(s.until))
}

// Drop has keys forgotten that a server says have ended. It reports whether there
// may be others.
func (s *Source) Drop(k sigv4.Keys) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == k {
		s.keys = sigv4.Keys{}
	}
	return k.Session != ""
}

// FromFile reads the keys under [default] of a file as ~/.aws/credentials.
func FromFile(name string) (*Source, error) {
	all, err := readProfiles(name, false)
	if err != nil {
		return nil, err
	}
	k := all["default"].keys()
	if k.ID == "" {
		return nil, errors.New("it has no keys under [default]")
	}
	return Static(k), nil
}
