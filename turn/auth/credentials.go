// Package auth says who may use a TURN relay: long-term credentials (RFC 8489,
// 9.2) of the users' file and of the TURN REST form, and nonces that are good
// for one client. It knows no socket and no relay.
package auth

import (
	"crypto/hmac"
	"crypto/sha1" // what the TURN REST form prescribes
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// ClockSkew is by how much the clock of another worker, which made credentials,
// may be ahead of ours.
const ClockSkew = 5 * time.Minute

// Credentials are of the users who may use the relay: those of the file, and all with a
// password made of "expiry:user" with a secret of ours (the form of the TURN
// REST API: HMAC-SHA1 in base64). They are safe for concurrent use.
type Credentials struct {
	realm  string
	ttl    time.Duration
	users  *Users
	static [][]byte // secrets of the configuration

	mu      sync.Mutex // guards what follows
	shared  bus.SharedKeys
	revoked map[string]time.Time // users whose credentials are good no more, until those have expired
}

// New makes the credentials of a realm. secrets are those that others make
// credentials with; ours come by Learn, and what is made with them is good for ttl.
func New(realm string, secrets []string, ttl time.Duration, users *Users) *Credentials {
	c := &Credentials{realm: realm, ttl: ttl, users: users, revoked: map[string]time.Time{}}
	for _, s := range secrets {
		c.static = append(c.static, []byte(s))
	}
	return c
}

// Learn takes the shared secrets as they are now.
func (c *Credentials) Learn(keys bus.SharedKeys) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared = keys
}

// Make makes a user's name and password of now. false: there is no secret yet.
func (c *Credentials) Make(user string, now time.Time) (name, password string, ok bool) {
	c.mu.Lock()
	secret := c.shared.Signing(now)
	c.mu.Unlock()
	if secret == nil {
		return "", "", false
	}
	name = strconv.FormatInt(now.Add(c.ttl).Unix(), 10) + ":" + prepared(user) // no client makes another of it
	return name, restPassword(secret, name), true
}

// A Credential is a key that a request may be signed with (RFC 8489, 9.2.2),
// and the account that quotas and limits go by.
type Credential struct {
	Key     []byte
	Account string
}

// A Claim is who a client says it is, without a proof.
type Claim struct {
	Name      string
	Algorithm Algorithm  // that makes the key
	From      netip.Addr // as limit.Counted gives it
	Open      bool       // it has an allocation already: it may go on with what expired
}

// Of are the credentials that a claim may have. None: no user has that name, or
// no longer.
func (c *Credentials) Of(q Claim, now time.Time) (all []Credential) {
	name := q.Name
	if u, ok := c.users.find(name); ok {
		for _, key := range u.keys(name, c.realm, q.Algorithm) {
			all = append(all, Credential{key, shared(u.Name, q.From)})
		}
		return all
	}
	digits, user, ok := strings.Cut(name, ":")
	if !ok {
		user = name
	}
	expiry, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || user == "" || len(user) > LongestUser || !q.Open && now.Unix() > expiry {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.revoked[user]; ok {
		return nil
	}
	for i := len(c.shared) - 1; i >= 0; i-- { // the newest is the likeliest
		all = append(all, Credential{q.Algorithm.Key(name, c.realm, restPassword(c.shared[i].Secret, name)), guestMark + user})
	}
	for _, s := range c.static {
		all = append(all, Credential{q.Algorithm.Key(name, c.realm, restPassword(s, name)), user})
	}
	return all
}

// Revoke has a user's credentials be good no more, whenever they were made:
// a member that left a call comes back as another user, and clocks of machines differ.
func (c *Credentials) Revoke(user string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revoked[user] = now.Add(c.ttl + ClockSkew)
}

// IsRevoked says whether an account's credentials are good no more.
func (c *Credentials) IsRevoked(account string) bool {
	user, _ := GuestOf(account)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.revoked[user]
	return ok
}

// Sweep forgets the revocation of what has expired by now.
func (c *Credentials) Sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for user, until := range c.revoked {
		if now.After(until) {
			delete(c.revoked, user)
		}
	}
}

// Ready says whether there is a secret to make credentials with.
func (c *Credentials) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.shared) > 0
}

// Named is the name of the user of a USERHASH (RFC 8489 14.4); false: none of the file has it.
// Those whose credentials have the time in their name are not known before they come.
func (c *Credentials) Named(hash []byte) (string, bool) {
	if len(hash) != sha256.Size {
		return "", false
	}
	return c.users.named([sha256.Size]byte(hash))
}

// Algorithms are those that every user may have its key made by, the best first.
func (c *Credentials) Algorithms() []Algorithm {
	if c.users.onlyMD5() {
		return []Algorithm{MD5}
	}
	return []Algorithm{SHA256, MD5}
}

func restPassword(secret []byte, name string) string {
	h := hmac.New(sha1.New, secret)
	h.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
