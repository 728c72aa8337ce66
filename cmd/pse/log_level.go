package main

import (
	"fmt"

	"go.uber.org/zap/zapcore"
)

// level reads log.level.
func level(name string) (zapcore.Level, error) {
	switch name {
	case "debug", "info", "warn", "error":
		return zapcore.ParseLevel(name)
	}
	return 0, fmt.Errorf("level is %q; use debug, info, warn or error", name)
}
