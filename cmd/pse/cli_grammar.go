package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// A runner is a command that can be run.
type runner interface{ Run(s *scope) error }

// A commandLine is what was written, and what it may be, in the order of the help.
type commandLine struct {
	args   []string
	top    *cobra.Command
	leaves []leaf
	chosen runner // nil: none, as after --help
	lost   error  // --help of a command that there is not
}

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

// parse finds the command of a command line; there is none to run after --help. What it
// says is a usage error.
func (s *scope) parse(args []string) (runner, error) {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == "--" { // cobra looks for no command behind it
		args = args[1:]
	}
	s.args = args
	s.top = s.tree()
	s.top.SilenceErrors, s.top.SilenceUsage = true, true
	s.top.CompletionOptions.DisableDefaultCmd = true // there is one in plainer words
	s.top.SetFlagErrorFunc(flagError)
	s.top.SetHelpFunc(func(cmd *cobra.Command, _ []string) { s.lost = s.writeHelp(cmd, cmd.Flags().Args()) })
	s.top.SetIn(s.in)
	s.top.SetOut(s.out)
	s.top.SetErr(s.err)
	s.top.SetArgs(args)
	// The command is run later, outside of cobra, so that its errors are not taken for cobra's.
	if err := s.top.Execute(); err != nil {
		return nil, err
	}
	return s.chosen, s.lost
}

// leaf is a command that is run as c.
func (s *scope) leaf(name, help string, c runner, arguments ...argument) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: help, Run: func(*cobra.Command, []string) { s.chosen = c }}
	for _, a := range arguments {
		cmd.Use += " " + a.String()
	}
	cmd.Flags().SortFlags = false
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		if err := valuesAreNoFlags(cmd, s.args); err != nil {
			return err
		}
		return take(arguments, given)
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if n := len(arguments); n > 0 && (len(given) < n || arguments[n-1].many != nil) {
			a := arguments[min(len(given), n-1)]
			if a.file {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return a.of, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s.leaves = append(s.leaves, leaf{cmd, arguments})
	return cmd
}

// group is a command that has others below it. Without the name of one alone is run,
// whose flags it takes too; if that is nil, one must be named.
func (s *scope) group(name, help string, alone *cobra.Command, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name + " <command>", Short: help, Run: func(*cobra.Command, []string) {}}
	if alone != nil {
		cmd.Use, cmd.Run = name+" [<command>]", alone.Run
		cmd.Flags().AddFlagSet(alone.Flags())
	}
	cmd.Flags().SortFlags = false
	cmd.AddCommand(below...)
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		var names []string
		for _, c := range cmd.Commands() {
			names = append(names, c.Name())
		}
		if len(given) > 0 {
			return fmt.Errorf("unknown command %q%s", given[0], didYouMean(given[0], names))
		}
		if alone == nil {
			return fmt.Errorf("%s wants a command: %s", cmd.CommandPath(), strings.Join(names, ", "))
		}
		return valuesAreNoFlags(cmd, s.args)
	}
	return cmd
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
