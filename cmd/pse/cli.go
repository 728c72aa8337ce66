package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
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

// grammar is the command line. It stays in this file, and so does kong.
type grammar struct {
	Config   string   `help:"Read this YAML file (else PSE_CONFIG, ./pse.yaml if not root, or /etc/pse/pse.yaml)." placeholder:"FILE"`
	Data     string   `help:"Keep everything in this directory." placeholder:"DIR"`
	Bus      string   `help:"Use the bus at this address: nats://host:4222; its password by bus.password_file or PSE_BUS_PASSWORD." placeholder:"URL"`
	LogLevel string   `help:"debug, info, warn or error." placeholder:"LEVEL"`
	Set      []string `help:"Set any key of the configuration, as edge.dvr=5m. May be repeated." placeholder:"KEY=VALUE" sep:"none"`

	Serve   serveCommand       `cmd:"" help:"Run workers: all of them in this process, or those named."`
	Stream  streamCommand      `cmd:"" help:"Streams and the keys that may publish them."`
	Call    callCommand        `cmd:"" help:"Links into calls."`
	Turn    turnCommand        `cmd:"" help:"The relay of calls: coturn's configuration, a check, its secret."`
	Cert    certificateCommand `cmd:"" name:"certificate" help:"The private root that devices install to trust this box."`
	Workers workersCommand     `cmd:"" help:"List the workers on the bus."`
	Events  eventsCommand      `cmd:"" help:"What happens, as it happens."`
	HLS     hlsCommand         `cmd:"" name:"hls" help:"Check what viewers get."`
	Conf    configCommand      `cmd:"" name:"config" help:"The configuration: print it, check it."`
	Ready   readyCommand       `cmd:"" help:"Ask the running pse serve whether all its workers are ready."`
	Doctor  doctorCommand      `cmd:"" help:"Look for what keeps PSE from working here, and say what to do."`
	Version versionCommand     `cmd:"" help:"Print the version."`
}

type serveCommand struct {
	Workers []string `arg:"" optional:"" help:"bus, ingest, transcode, edge, signal, turn, transfer. None: all of them."`
	HTTP    string   `name:"http" help:"Listen here for viewers." placeholder:"ADDR"`
	RTMP    string   `name:"rtmp" help:"Listen here for publishers." placeholder:"ADDR"`
	Turn    string   `name:"turn" help:"Listen here for STUN and TURN." placeholder:"ADDR"`
	Admin   string   `help:"Listen here for health, metrics and profiles." placeholder:"ADDR"`
	Open    bool     `help:"Publish and send files without keys. For a lab."`
	Demo    bool     `help:"Publish a generated picture as stream \"demo\"."`
}

// A scope is what every command gets.
type scope struct {
	std
	ctx context.Context
	g   *grammar
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

// quit leaves the parser after --help; kong would go on.
type quit int

// execute runs one command line.
func execute(ctx context.Context, args []string, s std) (err error) {
	g := &grammar{}
	parser, err := kong.New(g,
		kong.Name("pse"), kong.Description("Live streaming, calls and files on a box of your own."),
		kong.Writers(s.out, s.err), kong.Exit(func(code int) { panic(quit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Bind(&scope{std: s, ctx: ctx, g: g}),
	)
	if err != nil {
		return err
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case quit:
			err = nil
		default:
			panic(p)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return usagef("%w; see pse --help", err)
	}
	return command.Run()
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
	flags := []override{{"data", s.g.Data, "--data"}, {"bus.url", s.g.Bus, "--bus"}, {"log.level", s.g.LogLevel, "--log-level"}}
	for _, kv := range s.g.Set {
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
	if s.g.Config != "" {
		return source{file: s.g.Config}
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
