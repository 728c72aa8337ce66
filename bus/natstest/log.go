package natstest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Log keeps what servers warn of.
type Log struct {
	mu    sync.Mutex // guards lines
	lines []string
}

// Lines are the warnings and errors so far that have a word in them.
func (l *Log) Lines(with string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool { return !strings.Contains(line, with) })
}

func (l *Log) add(f string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(f, v...))
}

// Warnf implements server.Logger, as those below do.
func (l *Log) Warnf(f string, v ...any) { l.add(f, v...) }

// Errorf is of errors: what a client may not do is one.
func (l *Log) Errorf(f string, v ...any) { l.add(f, v...) }

// Fatalf is of what ends a server.
func (l *Log) Fatalf(f string, v ...any) { l.add(f, v...) }

// Noticef and those below are of what is no trouble.
func (l *Log) Noticef(string, ...any) {}

// Debugf is of detail.
func (l *Log) Debugf(string, ...any) {}

// Tracef is of each message.
func (l *Log) Tracef(string, ...any) {}
