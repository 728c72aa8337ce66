package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// std is what a command has around it, so that tests can give it another.
type std struct {
	in       io.Reader
	out, err io.Writer
	env      []string // as os.Environ
	root     bool
}

func (s std) getenv(name string) string {
	for i := len(s.env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(s.env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// A scope is what every command gets: what is around it, and the flags that all take.
type scope struct {
	std
	ctx context.Context

	config, data, bus, logLevel string
	set                         []string

	commandLine
}

// tree is the command line.
func (s *scope) tree() *cobra.Command {
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

type serveCommand struct {
	Workers                 []string
	HTTP, RTMP, Turn, Admin string
	Open, Demo              bool
}

func newServeCommand(s *scope) *cobra.Command {
	c := &serveCommand{}
	serve := s.leaf("serve", "Run workers: all of them in this process, or those named.", c,
		argument{name: "workers", help: "bus, ingest, transcode, edge, signal, turn, transfer. None: all of them.", many: &c.Workers, of: namesOf(workers())})
	textVar(serve.Flags(), &c.HTTP, "http", "ADDR", "Listen here for viewers.")
	textVar(serve.Flags(), &c.RTMP, "rtmp", "ADDR", "Listen here for publishers.")
	textVar(serve.Flags(), &c.Turn, "turn", "ADDR", "Listen here for STUN and TURN.")
	textVar(serve.Flags(), &c.Admin, "admin", "ADDR", "Listen here for health, metrics and profiles.")
	toggleVar(serve, &c.Open, "open", "Publish and send files without keys. For a lab.")
	toggleVar(serve, &c.Demo, "demo", "Publish a generated picture as stream \"demo\".")
	return serve
}

// A usageError is one that the writer of the command line can mend.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

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
	command, err := sc.parse(args)
	if err != nil {
		return usagef("%w; see pse --help", err)
	}
	if command == nil {
		return nil
	}
	return command.Run(sc)
}

// Run serves until the context ends.
func (c *serveCommand) Run(s *scope) error {
	return serve(s.ctx, func() (*loaded, error) { return c.load(s) }, c.Workers, c.Demo, s.std)
}

// load reads the configuration with what serve has of its own over it.
func (c *serveCommand) load(s *scope) (*loaded, error) {
	return s.load(
		override{"http.listen", c.HTTP, "--http"}, override{"ingest.listen", c.RTMP, "--rtmp"},
		override{"turn.listen", c.Turn, "--turn"},
		override{"admin.listen", c.Admin, "--admin"}, override{"ingest.open", truth(c.Open), "--open"},
		override{"transfer.open", truth(c.Open), "--open"},
	)
}

func truth(set bool) string {
	if set {
		return "true"
	}
	return ""
}

// load reads the configuration with the flags of this command line over it.
func (s *scope) load(more ...override) (*loaded, error) {
	flags := []override{{"data", s.data, "--data"}, {"bus.url", s.bus, "--bus"}, {"log.level", s.logLevel, "--log-level"}}
	for _, kv := range s.set {
		key, value, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, usagef("--set %s: write KEY=VALUE", kv)
		}
		flags = append(flags, override{key, value, "--set"})
	}
	var given []override
	for i, f := range append(flags, more...) {
		if f.value != "" || f.flag == "--set" && i < len(flags) {
			given = append(given, f)
		}
	}
	from := s.source()
	l, err := load(from.file, s.env, given)
	if err != nil {
		return nil, err
	}
	l.source = from
	if l.Data == "" {
		if l.Data, err = dataDir(s.getenv, s.root); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// A source is the file that the configuration was read from.
type source struct {
	file   string // empty: none
	passed bool   // ./pse.yaml is there and was not read
}

// Where it is looked for when nobody says.
const (
	configHere   = "pse.yaml"
	configSystem = "/etc/pse/pse.yaml"
)

// source finds the file to read. Root takes the one of the current directory,
// which may be anybody's, only when it is named.
func (s *scope) source() source {
	if s.config != "" {
		return source{file: s.config}
	}
	if path := s.getenv("PSE_CONFIG"); path != "" {
		return source{file: path}
	}
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }
	var from source
	switch {
	case there(configHere) && !s.root:
		from.file = configHere
	case there(configSystem):
		from.file = configSystem
	}
	from.passed = s.root && there(configHere)
	return from
}

// String is for the log and for pse config.
func (f source) String() string {
	text := "no configuration file"
	if f.file != "" {
		text = "read from " + f.file
	}
	if f.passed {
		text += "; not from ./pse.yaml, which root takes only by name: --config pse.yaml"
	}
	return text
}
