package auth

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"go.uber.org/zap"
)

// recheck is how often the users' file is looked at, at most.
const recheck = time.Second

// keySize is how long a long-term key is, bytes: an MD5 (RFC 8489, 9.2.2).
const keySize = 16

// Users are those of the users' file, which is followed: a change of it
// takes effect by itself. They are safe for concurrent use.
type Users struct {
	path, realm string
	always      map[string][]byte // beside those of the file
	log         *zap.Logger

	mu      sync.Mutex // guards what follows
	keys    map[string][]byte
	changed time.Time // the file, as of when it was read
	checked time.Time
}

// NewUsers reads a file, if there is one (path), and lines like its. The keys
// are those of a realm. What the file cannot be read for later is logged.
func NewUsers(path string, lines []string, realm string, log *zap.Logger) (*Users, error) {
	u := &Users{path: path, realm: realm, log: log}
	var err error
	if u.always, err = ParseUsers([]byte(strings.Join(lines, "\n")), realm); err != nil {
		return nil, fmt.Errorf("turn.coturn: user %w", err)
	}
	if path == "" {
		return u, nil
	}
	if err := u.read(); err != nil {
		return nil, fmt.Errorf("turn.users_file: %w", err)
	}
	return u, nil
}

// key is the long-term key of a user.
func (u *Users) key(name string) ([]byte, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now := time.Now(); u.path != "" && now.Sub(u.checked) >= recheck {
		u.checked = now
		if info, err := os.Stat(u.path); err == nil && !info.ModTime().Equal(u.changed) {
			if err := u.read(); err != nil {
				u.log.Warn("keeping the relay's users as they were: the file cannot be read", zap.Error(err))
			}
		}
	}
	if k, ok := u.keys[name]; ok {
		return k, true
	}
	k, ok := u.always[name]
	return k, ok
}

// read is called with the lock held, or by NewUsers.
func (u *Users) read() error {
	info, err := os.Stat(u.path)
	if err != nil {
		return err
	}
	u.changed = info.ModTime() // before reading: what changes meanwhile is read again
	text, err := os.ReadFile(u.path)
	if err != nil {
		return err
	}
	keys, err := ParseUsers(text, u.realm)
	if err != nil {
		return fmt.Errorf("%s:%w", u.path, err)
	}
	u.keys = keys
	return nil
}

// ParseUsers reads "user:password" or "user:0xKEY" a line, also with coturn's
// "user=" before it; # begins a comment line. It gives each user's long-term
// key (RFC 8489, 9.2.2), 16 bytes; an error begins with the line's number.
func ParseUsers(text []byte, realm string) (map[string][]byte, error) {
	keys := map[string][]byte{}
	s := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, password, ok := strings.Cut(strings.TrimPrefix(line, "user="), ":")
		if !ok || name == "" || password == "" || len(name) > LongestUser || strings.HasPrefix(name, guestMark) {
			return nil, fmt.Errorf("%d: write user:password, or user:0xKEY as turnadmin -k prints it", n)
		}
		key := []byte(stun.NewLongTermIntegrity(name, realm, password))
		if digits, hashed := strings.CutPrefix(password, "0x"); hashed {
			var err error
			if key, err = hex.DecodeString(digits); err != nil || len(key) != keySize {
				return nil, fmt.Errorf("%d: the key of %s is not 32 hexadecimal digits; make it with turnadmin -k -u USER -r %s -p PASSWORD", n, name, realm)
			}
		}
		keys[name] = key
	}
	return keys, s.Err()
}
