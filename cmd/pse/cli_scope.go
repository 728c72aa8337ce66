package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// A scope is what every command gets: what is around it, and the flags that all take.
type scope struct {
	std
	ctx context.Context

	config, data, bus, logLevel string
	set                         []string

	commandLine
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
