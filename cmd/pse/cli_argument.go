package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// A leaf is a command that does something.
type leaf struct {
	*cobra.Command
	arguments []argument
}

// An argument is what a command takes besides flags; cobra knows only how many there are.
type argument struct {
	name, help string
	one        *string   // gets it
	many       *[]string // gets it, if there is one, and all that follow
	optional   bool
	file       bool     // one that must exist
	of         []string // what it may be, for completion
}

// String is as the usage line shows it.
func (a argument) String() string {
	switch {
	case a.many != nil:
		return "[<" + a.name + "> ...]"
	case a.optional:
		return "[<" + a.name + ">]"
	}
	return "<" + a.name + ">"
}

// take gives arguments what was given.
func take(arguments []argument, given []string) error {
	for _, a := range arguments {
		if a.many != nil {
			*a.many = given
			return nil
		}
		if len(given) == 0 {
			if a.optional {
				return nil
			}
			return fmt.Errorf("%s is missing", a)
		}
		if a.file {
			if info, err := os.Stat(given[0]); err != nil {
				return fmt.Errorf("%s: %w", a, err)
			} else if info.IsDir() {
				return fmt.Errorf("%s: %s is a directory, where a file is wanted", a, given[0])
			}
		}
		*a.one, given = given[0], given[1:]
	}
	if len(given) > 0 {
		return fmt.Errorf("unexpected argument %q", given[0])
	}
	return nil
}
