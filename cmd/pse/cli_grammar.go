package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

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
