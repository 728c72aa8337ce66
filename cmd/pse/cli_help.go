package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

type helpCommand struct{ Words []string }

func newHelpCommand(s *scope) *cobra.Command {
	c := &helpCommand{}
	return s.leaf("help", "Show what a command is for, and its flags, as --help does.", c,
		argument{name: "command", help: "As stream keys add. None: all of them.", many: &c.Words})
}

// Run shows the help of another command.
func (c *helpCommand) Run(s *scope) error {
	cmd, rest, err := s.top.Find(c.Words)
	if err == nil {
		err = s.writeHelp(cmd, rest)
	}
	if err != nil {
		return usagef("%w; see pse --help", err)
	}
	return nil
}

// writeHelp shows the help of a command, behind which nothing is that would be one below it.
func (s *scope) writeHelp(cmd *cobra.Command, rest []string) error {
	if cmd.HasSubCommands() && len(rest) > 0 {
		return cmd.ValidateArgs(rest)
	}
	_, err := fmt.Fprint(s.out, s.help(cmd))
	return err
}

// help is what --help shows. It is no template of cobra's: those call methods by their
// names (decision 17).
func (s *scope) help(cmd *cobra.Command) string {
	wide := s.columns()
	b := &strings.Builder{}
	fmt.Fprintf(b, "Usage: %s\n\n%s\n", cmd.UseLine(), fold(cmd.Short, wide, ""))
	var arguments, commands [][2]string
	for _, l := range s.leaves {
		if l.Command == cmd {
			for _, a := range l.arguments {
				arguments = append(arguments, [2]string{a.String(), a.help})
			}
			continue
		}
		if path, below := strings.CutPrefix(l.CommandPath(), cmd.CommandPath()+" "); below {
			commands = append(commands, [2]string{strings.TrimPrefix(cmd.CommandPath()+" "+path, s.top.Name()+" "), l.Short})
		}
	}
	table(b, "Commands", commands, wide)
	table(b, "Arguments", arguments, wide)
	if own := cmd.LocalFlags(); cmd != s.top && own.HasFlags() {
		fmt.Fprintf(b, "\nFlags:\n%s", own.FlagUsagesWrapped(wide))
	}
	fmt.Fprintf(b, "\nFlags of all commands:\n%s", s.top.PersistentFlags().FlagUsagesWrapped(wide))
	if cmd == s.top {
		fmt.Fprintf(b, "\nRun \"%s <command> --help\" for more about a command.\n", cmd.Name())
	}
	return b.String()
}

// columns is how wide lines may be.
func (s *scope) columns() int {
	if n, err := strconv.Atoi(s.getenv("COLUMNS")); err == nil && n > 0 {
		return max(n, 40)
	}
	return max(terminalWidth(s.out, 80), 40)
}

// table writes names and what is said of them, in two columns.
func table(b *strings.Builder, title string, rows [][2]string, wide int) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	left := 0
	for _, r := range rows {
		left = max(left, len(r[0]))
	}
	for _, r := range rows {
		fmt.Fprintf(b, "  %-*s   %s\n", left, r[0], fold(r[1], wide-left-5, strings.Repeat(" ", left+5)))
	}
}

// fold breaks a text into lines, of which all but the first are indented.
func fold(text string, wide int, indent string) string {
	b, at := &strings.Builder{}, 0
	for _, word := range strings.Fields(text) {
		switch {
		case at == 0:
		case at+1+len(word) > wide:
			b.WriteString("\n" + indent)
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
