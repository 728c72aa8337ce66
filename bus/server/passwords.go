package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"
)

// loadPasswords reads the passwords of a server's directory, or makes them at
// the first start. What cfg says comes first and is not written down.
func loadPasswords(cfg Config) (passwords, error) {
	path := filepath.Join(cfg.Dir, "passwords.json")
	var s passwords
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.Worker, s.Integrator = rand.Text(), rand.Text()
		data, _ = json.MarshalIndent(s, "", "  ") // strings: cannot fail
		if err := writeWhole(path, append(data, '\n')); err != nil {
			return s, fmt.Errorf("keep the passwords of the bus: %w", err)
		}
	case err != nil:
		return s, fmt.Errorf("read the passwords of the bus: %w", err)
	default:
		if err := json.Unmarshal(data, &s); err != nil || s.Worker == "" || s.Integrator == "" {
			return s, fmt.Errorf("read the passwords of the bus: %s is damaged; delete it to have new ones made", path)
		}
	}
	if cfg.WorkerPassword != "" {
		s.Worker = cfg.WorkerPassword
	}
	if cfg.IntegratorPassword != "" {
		s.Integrator = cfg.IntegratorPassword
	}
	s.Local = rand.Text()
	return s, nil
}

// hashed are the passwords as the server is to know them: of plain ones it warns
// at every start. The hash is the cheapest that bcrypt has (1 ms a connection):
// it guards nothing, since who reads this process's memory, or the files that
// the passwords come from, has them anyway. bcrypt takes 72 bytes; a longer
// password of the owner's stays plain.
func (s passwords) hashed() (passwords, error) {
	for _, word := range []*string{&s.Local, &s.Worker, &s.Integrator} {
		hash, err := bcrypt.GenerateFromPassword([]byte(*word), bcrypt.MinCost)
		if errors.Is(err, bcrypt.ErrPasswordTooLong) {
			continue
		}
		if err != nil {
			return s, fmt.Errorf("hash the passwords of the bus: %w", err)
		}
		*word = string(hash)
	}
	return s, nil
}

// writeWhole writes a file for its owner only, whole or not at all.
func writeWhole(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
