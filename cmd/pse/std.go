package main

import (
	"io"
	"strings"
)

// std is what a command has around it, so that tests can give it another.
type std struct {
	in       io.Reader
	out, err io.Writer
	env      []string // as os.Environ
	root     bool
}

func (s std) getenv(name string) string {
	for i := len(s.env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(s.env[i], name+"="); ok {
			return value
		}
	}
	return ""
}
