package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/signal"
)

type callLink struct {
	Room string
	For  time.Duration
}

func newCallCommand(s *scope) *cobra.Command {
	c := &callLink{}
	link := s.leaf("link", "Make a link that lets people into a call, where signal.links asks for one.", c,
		argument{name: "room", help: "The room's name, as people type it.", one: &c.Room})
	link.Flags().DurationVar(&c.For, "for", 24*time.Hour, "How long the link lets people in.")
	return s.group("call", "Links into calls.", nil, link)
}

// Run prints the link.
func (c *callLink) Run(s *scope) error {
	room := signal.RoomFrom(c.Room)
	if room == "" {
		return usagef("%q is no room's name; use at least one letter or digit", c.Room)
	}
	if c.For <= 0 {
		return usagef("a link that lasts %s is of no use; give a time, as --for 24h", c.For)
	}
	l, err := s.load()
	if err != nil {
		return err
	}
	at, asked, err := callsAt(l.Config)
	if err != nil {
		return err
	}
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		links, err := access.NewLinks(ctx, b)
		if err != nil {
			return err
		}
		token := links.Sign(signal.LinkAction, room, time.Now().Add(c.For))
		if !asked {
			fmt.Fprintln(s.err, "links are off: who may not join without one does not by this one either; to have calls ask for them set signal.links: true")
		}
		_, err = fmt.Fprintf(s.out, "%s%s?pass=%s\n", at, room, url.QueryEscape(token))
		return err
	})
}

// callsAt is where calls are, before the name of a room: by public_url, else as the
// pse serve of this data directory has it. asked says whether they ask for a link.
func callsAt(c Config) (at string, asked bool, err error) {
	asked = c.Signal.Links
	all, _, err := whoRuns(c.Data)
	for _, r := range all {
		if r.Calls != "" {
			at, asked = r.Calls, r.Links
		}
	}
	switch {
	case c.HTTP.PublicURL != "":
		return strings.TrimSuffix(c.HTTP.PublicURL, "/") + "/call/", asked, nil
	case at == "" && err == nil:
		err = fmt.Errorf("no pse serve with calls runs on %s, so the address of a call is not known; give it by http.public_url, as --set http.public_url=https://live.example.org", c.Data)
	}
	return at, asked, err
}
