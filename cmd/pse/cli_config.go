package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
)

type (
	configPrint struct{ Changed bool }
	configCheck struct{ Workers []string }
)

func newConfigCommand(s *scope) *cobra.Command {
	p, c := &configPrint{}, &configCheck{}
	show := s.leaf("print", "Print the configuration in force, and where each value comes from.", p)
	toggleVar(show, &p.Changed, "changed", "Only what differs from the defaults.")
	check := s.leaf("check", "Say whether pse serve would take it; systemd asks before each start.", c,
		argument{name: "workers", help: "Those that are to run here. None: all of them.", many: &c.Workers, of: namesOf(workers())})
	return s.group("config", "The configuration: print it, check it.", show, show, check)
}

// Run says what keeps pse serve from starting with this configuration.
func (c *configCheck) Run(s *scope) error {
	l, err := s.load()
	if err != nil {
		return err
	}
	if _, err := choose(workers(), c.Workers, l.Config, false); err != nil {
		return err
	}
	for _, old := range l.old {
		fmt.Fprintln(s.err, old)
	}
	if l.TLS.Cert != "" {
		if _, err := newCertifier(l.Config, zap.NewNop()).open(); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(s.out, "ok: %s\n", l.source)
	return err
}

// Run prints a file that pse would read back to the same configuration.
func (c *configPrint) Run(s *scope) error {
	l, err := s.load()
	if err != nil {
		return err
	}
	text, err := l.print(c.Changed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "# %s\n%s", l.source, text)
	return err
}

// print writes the settings in force as YAML, with the origin of each behind
// it. What is secret is not.
func (l *loaded) print(onlyChanged bool) ([]byte, error) {
	changed := l.changed()
	var b bytes.Buffer
	var open []string // the sections we are in
	for _, s := range settings(&l.Config) {
		origin := l.origin[s.key]
		if onlyChanged && origin == "" && !changed[s.key] {
			continue
		}
		if origin == "" {
			origin = "default"
			if changed[s.key] {
				origin = "found out"
			}
		}
		value, err := s.shown()
		if err != nil {
			return nil, fmt.Errorf("print %s: %w", s.key, err)
		}
		path := strings.Split(s.key, ".")
		sections, name := path[:len(path)-1], path[len(path)-1]
		for i, section := range sections {
			if i >= len(open) || !slices.Equal(open[:i+1], sections[:i+1]) {
				fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), section)
			}
		}
		open = sections
		line := strings.Repeat("  ", len(sections)) + name + ": " + value
		fmt.Fprintf(&b, "%-40s # %s\n", line, origin)
	}
	if b.Len() == 0 {
		b.WriteString("# all defaults\n")
	}
	return b.Bytes(), nil
}
