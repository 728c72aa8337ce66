package main

import "github.com/spf13/cobra"

type completionCommand struct{ Shell string }

func newCompletionCommand(s *scope) *cobra.Command {
	c := &completionCommand{}
	return s.leaf("completion", "Print the script by which a shell completes command lines of pse at the Tab key.", c,
		argument{name: "shell", help: "bash, zsh or fish: source <(pse completion bash), or as docs/operators.md says.", one: &c.Shell, of: shells()})
}

func shells() []string { return []string{"bash", "zsh", "fish"} }

// Run prints the script, which asks the program itself (__complete).
func (c *completionCommand) Run(s *scope) error {
	switch c.Shell {
	case "bash":
		return s.top.GenBashCompletionV2(s.out, true)
	case "zsh":
		return s.top.GenZshCompletion(s.out)
	case "fish":
		return s.top.GenFishCompletion(s.out, true)
	}
	return usagef("there is no script for %q%s", c.Shell, didYouMean(c.Shell, shells()))
}
