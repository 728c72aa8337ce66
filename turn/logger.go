package turn

import (
	"fmt"

	"github.com/pion/logging"
	"go.uber.org/zap"
)

// pionLog writes what pion has to say where ours is written, one level lower:
// what a stranger sends is no error of this program.
type pionLog struct{ log *zap.Logger }

// NewLogger is what pion calls.
func (l pionLog) NewLogger(string) logging.LeveledLogger { return pionLogger(l) }

type pionLogger struct{ log *zap.Logger }

// Trace implements logging.LeveledLogger.
func (l pionLogger) Trace(string) {}

// Tracef implements logging.LeveledLogger.
func (l pionLogger) Tracef(string, ...any) {}

// Debug implements logging.LeveledLogger.
func (l pionLogger) Debug(string) {}

// Debugf implements logging.LeveledLogger.
func (l pionLogger) Debugf(string, ...any) {}

// Info implements logging.LeveledLogger.
func (l pionLogger) Info(string) {}

// Infof implements logging.LeveledLogger.
func (l pionLogger) Infof(string, ...any) {}

// Warn implements logging.LeveledLogger.
func (l pionLogger) Warn(msg string) { l.log.Debug(msg) }

// Error implements logging.LeveledLogger.
func (l pionLogger) Error(msg string) { l.log.Debug(msg) }

// Warnf implements logging.LeveledLogger.
func (l pionLogger) Warnf(format string, args ...any) { l.say(format, args) }

// Errorf implements logging.LeveledLogger.
func (l pionLogger) Errorf(format string, args ...any) { l.say(format, args) }

func (l pionLogger) say(format string, args []any) {
	if l.log.Core().Enabled(zap.DebugLevel) {
		l.log.Debug(fmt.Sprintf(format, args...))
	}
}

// silent has pion write nothing.
var silent = pionLog{zap.NewNop()}
