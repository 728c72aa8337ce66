package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

// tree is the command line.
func tree(s *scope) *cobra.Command {
	root := s.group("pse", "Live streaming, calls and files on a box of your own.", nil,
		newServeCommand(s), newStreamCommand(s), newCallCommand(s), newTurnCommand(s), newCertificateCommand(s), newWorkersCommand(s),
		newEventsCommand(s), newHLSCommand(s), newConfigCommand(s), newReadyCommand(s), newDoctorCommand(s), newVersionCommand(s), newCompletionCommand(s))
	root.SetHelpCommand(newHelpCommand(s))
	all := root.PersistentFlags()
	all.SortFlags = false
	all.BoolP("help", "h", false, "Show what a command is for, and its flags.")
	textVar(all, &s.config, "config", "FILE", "Read this YAML file (else PSE_CONFIG, ./pse.yaml if not root, or /etc/pse/pse.yaml).")
	textVar(all, &s.data, "data", "DIR", "Keep everything in this directory.")
	textVar(all, &s.bus, "bus", "URL", "Use the bus at this address: nats://host:4222; its password by bus.password_file or PSE_BUS_PASSWORD.")
	textVar(all, &s.logLevel, "log-level", "LEVEL", "debug, info, warn or error.")
	_ = root.MarkPersistentFlagDirname("data") // an error only of a flag that is not there
	all.Var(&listValue{&s.set, "KEY=VALUE"}, "set", "Set any key of the configuration, as edge.dvr=5m. May be repeated.")
	return root
}

func exitCode(err error) int {
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// execute runs one command line.
func execute(ctx context.Context, args []string, s std) error {
	sc := &scope{std: s, ctx: ctx}
	command, err := parse(sc, args)
	if err != nil {
		return usagef("%w; see pse --help", err)
	}
	if command == nil {
		return nil
	}
	return command.Run(sc)
}

// parse finds the command of a command line; there is none to run after --help. What it
// says is a usage error.
func parse(s *scope, args []string) (runner, error) {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == "--" { // cobra looks for no command behind it
		args = args[1:]
	}
	s.args = args
	s.top = tree(s)
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
