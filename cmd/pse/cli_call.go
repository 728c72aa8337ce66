package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/signal"
)

type callCommand struct {
	Link callLink `cmd:"" help:"Make a link that lets people into a call, where signal.links asks for one."`
}

type callLink struct {
	Room string        `arg:"" help:"The room's name: letters, digits and _."`
	For  time.Duration `name:"for" default:"24h" help:"How long the link lets people in." placeholder:"TIME"`
}

// Run prints the link.
func (c *callLink) Run(s *scope) error {
	if !signal.IsRoom(c.Room) {
		return usagef("%q is no room's name; use letters, digits and _", c.Room)
	}
	if c.For <= 0 {
		return usagef("a link that lasts %s is of no use; give a time, as --for 24h", c.For)
	}
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		links, err := access.NewLinks(ctx, b)
		if err != nil {
			return err
		}
		token := links.Sign(signal.LinkAction, c.Room, time.Now().Add(c.For))
		l, err := s.load()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s/call/%s?pass=%s\n", strings.TrimSuffix(l.HTTP.PublicURL, "/"), c.Room, url.QueryEscape(token))
		return err
	})
}
