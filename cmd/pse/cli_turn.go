package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/turn"
	"github.com/helios-h2020/pse/turn/probe"
)

type turnImport struct {
	Conf  string
	Users string
}

type turnTest struct {
	URI      string
	User     string
	Password string
	Insecure bool
}

type turnRotate struct{}

func newTurnCommand(s *scope) *cobra.Command {
	i, t := &turnImport{}, &turnTest{}
	coturn := s.leaf("import", "Turn coturn's configuration into ours; prints YAML, and what is left out.", i,
		argument{name: "conf", help: "turnserver.conf.", one: &i.Conf, file: true},
		argument{name: "users", help: "users.conf: user:password a line.", one: &i.Users, file: true, optional: true})
	test := s.leaf("test", "Check a STUN and TURN server from a client's side, step by step.", t,
		argument{name: "uri", help: "turn:host:port?transport=udp, turns:host, stun:host; none: what the running pse serve hands out.", one: &t.URI, optional: true})
	textVar(test.Flags(), &t.User, "user", "NAME", "User name.")
	textVar(test.Flags(), &t.Password, "password", "WORD", "Password.")
	toggleVar(test, &t.Insecure, "insecure", "Take any certificate.")
	rotate := s.leaf("rotate", "Change the secret of the relay's credentials now; what was handed out stays good.", turnRotate{})
	return s.group("turn", "The relay of calls: coturn's configuration, a check, its secret.", nil, coturn, test, rotate)
}

// Run prints the configuration.
func (c *turnImport) Run(s *scope) error {
	text, err := os.ReadFile(c.Conf)
	if err != nil {
		return err
	}
	cfg := turn.DefaultConfig()
	i, err := readCoturn(text, &cfg)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Conf, err)
	}
	if c.Users != "" {
		if cfg.UsersFile, err = filepath.Abs(c.Users); err != nil {
			return err
		}
		i.Lines["users_file"] = 0
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	if i.Cert != "" || i.Key != "" {
		fmt.Fprintf(s.out, "tls:\n  cert: %q\n  key: %q\n", i.Cert, i.Key)
	}
	fmt.Fprintln(s.out, "turn:")
	for _, v := range settings(&cfg) {
		if _, said := i.Lines[v.key]; !said {
			continue
		}
		text, err := v.text()
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "  %s: %s\n", v.key, text)
	}
	if n := len(i.Users); n > 0 {
		fmt.Fprintf(s.out, "# The %d users of %s: put these lines into a file, and its name into turn.users_file:\n#   %s\n", n, c.Conf, strings.Join(i.Users, "\n#   "))
	}
	for _, l := range i.Left {
		fmt.Fprintf(s.out, "# left out, line %d: %s (%s)\n", l.Line, l.Key, l.Why)
	}
	return nil
}

var errRelayUnwell = errors.New("the relay does not work as it should; see above")

// Run looks at each transport in turn.
func (c *turnTest) Run(s *scope) error {
	p := probe.Probe{User: c.User, Password: c.Password, Insecure: c.Insecure}
	uris := []string{c.URI}
	if c.URI == "" {
		err := s.withBus(func(ctx context.Context, b *bus.Bus) error {
			got, err := b.RequestCredentials(ctx, bus.CredentialsQuery{User: "pse-turn-test"}, askTime)
			if err != nil {
				return err
			}
			uris, p.User, p.Password = nil, got.Servers[0].Username, got.Servers[0].Credential
			for _, server := range got.Servers {
				uris = append(uris, server.URLs...)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	well := true
	for _, uri := range uris {
		transports, host, err := probe.Transports(uri)
		if err != nil {
			return usageError{err}
		}
		for _, t := range transports {
			well = p.Run(s.ctx, t, host, func(f probe.Finding) { c.tell(s, host, f) }) && well
		}
	}
	if !well {
		return errRelayUnwell
	}
	return nil
}

func (c *turnTest) tell(s *scope, host string, f probe.Finding) {
	mark, seen := "ok ", f.Seen
	if f.Err != nil {
		mark, seen = "BAD", strings.ReplaceAll(f.Err.Error(), "\n", "; ")
	}
	fmt.Fprintf(s.out, "%s  %-5s %-11s %s\n", mark, f.Transport, f.Step, strings.TrimSpace(host+"  "+seen))
}

// Run adds a secret.
func (turnRotate) Run(s *scope) error {
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		keys, err := turn.RotateNow(ctx, b)
		if err != nil {
			return err
		}
		from := time.UnixMilli(keys[len(keys)-1].From)
		_, err = fmt.Fprintf(s.out, "a new secret is in use from %s on; credentials that were handed out stay good\n", from.Format(time.TimeOnly))
		return err
	})
}
