package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

type versionCommand struct{}

func newVersionCommand(s *scope) *cobra.Command {
	return s.leaf("version", "Print the version.", versionCommand{})
}

// Run prints what this binary was built from.
func (versionCommand) Run(s *scope) error {
	_, err := fmt.Fprintf(s.out, "pse %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

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
