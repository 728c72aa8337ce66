package main

import (
	"runtime/debug"
	"strings"
)

// version is the module's version as the go command stamps it from git.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// semver is a version as NATS services must give one: 1.2.3, no "v".
func semver(v string) string {
	v, ok := strings.CutPrefix(v, "v")
	if !ok {
		return "0.0.0-devel"
	}
	return v
}
