package server

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// errRemembered says that only another server will store again.
var errRemembered = errors.New("it is started anew when it can be")

// A memory is what one server remembers of errors of writing. Its logs keep
// such to themselves until somebody writes, and what Healthz tells of them it
// reads from the disk: only the server's own log always says so.
type memory struct {
	first atomic.Pointer[string]
	said  chan struct{} // holds one: a reason to look
}

func newMemory() *memory { return &memory{said: make(chan struct{}, 1)} }

// note takes note of an error that the server logged.
func (m *memory) note(text string) {
	if strings.Contains(strings.ToLower(text), "critical write error") {
		m.first.CompareAndSwap(nil, &text)
	}
	select {
	case m.said <- struct{}{}:
	default:
	}
}

// err is what is remembered, or nil.
func (m *memory) err() error {
	if text := m.first.Load(); text != nil {
		return fmt.Errorf("%s: %w", *text, errRemembered)
	}
	return nil
}
