package server

import (
	"fmt"
	"strings"

	"go.uber.org/zap"
)

// natsLogger lets the embedded server write into our log. What it calls a
// notice is detail to an owner.
type natsLogger struct {
	log    *zap.Logger
	memory *memory
	fatal  chan<- string // the first error that ends a start; it has room for one
}

// Noticef implements server.Logger.
func (l natsLogger) Noticef(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }

// Fatalf implements server.Logger.
func (l natsLogger) Fatalf(f string, v ...any) {
	text := fmt.Sprintf(f, v...)
	l.log.Error(text)
	select {
	case l.fatal <- text:
	default:
	}
}

// Warnf implements server.Logger.
func (l natsLogger) Warnf(f string, v ...any) {
	text := fmt.Sprintf(f, v...)
	if strings.Contains(text, "create mirror consumer") && strings.Contains(text, "stream not found") {
		l.log.Debug(text) // at a first start FEED is there before the log of events is; the server tries again
		return
	}
	l.log.Warn(text)
}

// Errorf implements server.Logger.
func (l natsLogger) Errorf(f string, v ...any) {
	text := fmt.Sprintf(f, v...)
	l.log.Error(text)
	l.memory.note(text)
}

// Debugf implements server.Logger.
func (l natsLogger) Debugf(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }

// Tracef implements server.Logger.
func (l natsLogger) Tracef(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }
