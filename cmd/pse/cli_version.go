package main

import (
	"fmt"
	"runtime"

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
