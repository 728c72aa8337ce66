package auth

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// recheck is how often the users' file is looked at, at most.
const recheck = time.Second

// keySize is how long a key is that coturn's tools print, bytes: an MD5 (RFC 8489, 9.2.2).
const keySize = 16

// A User is one of the file.
type User struct {
	Name, Password string
	Key            []byte // an MD5, in place of the password; nil: there is that
}

// keys are those that a client may have made of a name, as it wrote it, by an algorithm. Of
// a user whose password is not known there is the one of the file.
func (u User) keys(name, realm string, by Algorithm) (all [][]byte) {
	if u.Key != nil {
		if by == MD5 {
			all = [][]byte{u.Key}
		}
		return all
	}
	for _, s := range spellings(name, u.Password) {
		if k := by.Key(s[0], realm, s[1]); k != nil {
			all = append(all, k)
		}
	}
	return all
}

// Users are those of the users' file, which is followed: a change of it
// takes effect by itself. They are safe for concurrent use.
type Users struct {
	path, realm string
	always      map[string]User // beside those of the file; by prepared name, as all here
	log         *zap.Logger

	mu      sync.Mutex // guards what follows
	users   map[string]User
	hashes  map[[sha256.Size]byte]string // names, by userhash
	hashed  bool                         // there is one whose password is not known
	changed time.Time                    // the file, as of when it was read
	checked time.Time
}

// NewUsers reads a file, if there is one (path), and lines like its. Keys in it
// are those of a realm. What the file cannot be read for later is logged.
func NewUsers(path string, lines []string, realm string, log *zap.Logger) (*Users, error) {
	u := &Users{path: path, realm: realm, log: log}
	var err error
	if u.always, err = ParseUsers([]byte(strings.Join(lines, "\n")), realm); err != nil {
		return nil, fmt.Errorf("turn.coturn: user %w", err)
	}
	if path == "" {
		u.take(nil)
		return u, nil
	}
	if err := u.read(); err != nil {
		return nil, fmt.Errorf("turn.users_file: %w", err)
	}
	return u, nil
}

// find is the user of a name, however it is written.
func (u *Users) find(name string) (User, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.follow()
	name = prepared(name)
	if found, ok := u.users[name]; ok {
		return found, true
	}
	found, ok := u.always[name]
	return found, ok
}

// named is the name that a userhash is of.
func (u *Users) named(hash [sha256.Size]byte) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.follow()
	name, ok := u.hashes[hash]
	return name, ok
}

// onlyMD5 says whether there is a user whose password is not known.
func (u *Users) onlyMD5() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.follow()
	return u.hashed
}

// follow reads the file when it changed. It is called with the lock held.
func (u *Users) follow() {
	if now := time.Now(); u.path != "" && now.Sub(u.checked) >= recheck {
		u.checked = now
		if info, err := os.Stat(u.path); err == nil && !info.ModTime().Equal(u.changed) {
			if err := u.read(); err != nil {
				u.log.Warn("keeping the relay's users as they were: the file cannot be read", zap.Error(err))
			}
		}
	}
}

// take takes the users of the file as they are now. It is called as read is.
func (u *Users) take(users map[string]User) {
	u.users, u.hashes, u.hashed = users, map[[sha256.Size]byte]string{}, false
	for _, all := range []map[string]User{u.always, users} {
		for _, one := range all {
			u.hashed = u.hashed || one.Key != nil
			for _, s := range spellings(one.Name, "") {
				u.hashes[userhash(s[0], u.realm)] = s[0]
			}
		}
	}
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
	users, err := ParseUsers(text, u.realm)
	if err != nil {
		return fmt.Errorf("%s:%w", u.path, err)
	}
	u.take(users)
	return nil
}

// ParseUsers reads "user:password" or "user:0xKEY" a line, also with coturn's
// "user=" before it; # begins a comment line. It gives the users by their name after
// SASLprep, so that there is one however it is written; an error begins with the line's number.
func ParseUsers(text []byte, realm string) (map[string]User, error) {
	users := map[string]User{}
	s := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, password, ok := strings.Cut(strings.TrimPrefix(line, "user="), ":")
		if !ok || name == "" || password == "" || len(name) > LongestUser || strings.HasPrefix(name, guestMark) || strings.HasPrefix(name, sharedMark) {
			return nil, fmt.Errorf("%d: write user:password, or user:0xKEY as turnadmin -k prints it", n)
		}
		user := User{Name: name, Password: password}
		if digits, hashed := strings.CutPrefix(password, "0x"); hashed {
			key, err := hex.DecodeString(digits)
			if user = (User{Name: name, Key: key}); err != nil || len(key) != keySize {
				return nil, fmt.Errorf("%d: the key of %s is not 32 hexadecimal digits; make it with turnadmin -k -u USER -r %s -p PASSWORD", n, name, realm)
			}
		}
		users[prepared(name)] = user
	}
	return users, s.Err()
}
