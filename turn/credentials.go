package turn

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what the TURN REST form prescribes
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// longestUser bounds the names of users, bytes.
const longestUser = 300

// credentials are who may use the relay: users of the file, and whoever has a
// password made of "expiry:user" with a secret of ours (the form of the TURN
// REST API: HMAC-SHA1 in base64). They are safe for concurrent use.
type credentials struct {
	realm  string
	ttl    time.Duration
	users  *users
	static [][]byte // secrets of the configuration

	mu      sync.Mutex // guards what follows
	shared  bus.SharedKeys
	revoked map[string]time.Time // users whose credentials are good no more, until those have expired
}

func newCredentials(cfg Config, u *users) *credentials {
	c := &credentials{realm: cfg.Realm, ttl: cfg.TTL, users: u, revoked: map[string]time.Time{}}
	for _, s := range cfg.Secrets {
		c.static = append(c.static, []byte(s))
	}
	return c
}

// learn takes the shared secrets as they are now.
func (c *credentials) learn(keys bus.SharedKeys) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared = keys
}

// make makes a user's name and password of now. false: there is no secret yet.
func (c *credentials) make(user string, now time.Time) (name, password string, ok bool) {
	c.mu.Lock()
	secret := c.shared.Signing(now)
	c.mu.Unlock()
	if secret == nil {
		return "", "", false
	}
	name = strconv.FormatInt(now.Add(c.ttl).Unix(), 10) + ":" + user
	return name, restPassword(secret, name), true
}

// credential is a key that a request may be signed with, and whose it is then:
// the account that quotas and limits go by.
type credential struct {
	key     []byte
	account string
}

// of are the credentials that a name may have. None: nobody has that name, or
// no longer. One who has an allocation already (open) may go on with what
// expired.
func (c *credentials) of(name string, now time.Time, open bool) (all []credential) {
	if key, ok := c.users.key(name); ok {
		return []credential{{key, name}}
	}
	digits, user, ok := strings.Cut(name, ":")
	if !ok {
		user = name
	}
	expiry, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || user == "" || len(user) > longestUser || !open && now.Unix() > expiry {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.revoked[user]; ok {
		return nil
	}
	for i := len(c.shared) - 1; i >= 0; i-- { // the newest is the likeliest
		all = append(all, credential{longTermKey(name, c.realm, restPassword(c.shared[i].Secret, name)), guestMark + user})
	}
	for _, s := range c.static {
		all = append(all, credential{longTermKey(name, c.realm, restPassword(s, name)), user})
	}
	return all
}

// revoke has a user's credentials be good no more, whenever they were made:
// who left a call comes back as another user, and clocks of machines differ.
func (c *credentials) revoke(user string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revoked[user] = now.Add(c.ttl + clocks)
}

// clocks is by how much the clock of another worker, which made credentials,
// may be ahead of ours.
const clocks = 5 * time.Minute

// isRevoked says whether an account's credentials are good no more.
func (c *credentials) isRevoked(account string) bool {
	user, _ := guestOf(account)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.revoked[user]
	return ok
}

// sweep forgets the revocation of what has expired by now.
func (c *credentials) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for user, until := range c.revoked {
		if now.After(until) {
			delete(c.revoked, user)
		}
	}
}

// ready says whether there is a secret to make credentials with.
func (c *credentials) ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.shared) > 0
}

func restPassword(secret []byte, name string) string {
	h := hmac.New(sha1.New, secret)
	h.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
