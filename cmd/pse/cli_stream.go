package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
)

type streamLs struct{ JSON bool }

type keysLs struct{}

type keysAdd struct {
	Label  string
	Stream string
	Owner  bool
}

func newStreamCommand(s *scope) *cobra.Command {
	c := &streamLs{}
	ls := s.leaf("ls", "List streams: live, waiting for their publisher, ended.", c)
	toggleVar(ls, &c.JSON, "json", "Print records as JSON, one a line.")
	return s.group("stream", "Streams and the keys that may publish them.", nil, ls, newKeysCommand(s))
}

func newKeysCommand(s *scope) *cobra.Command {
	c := &keysAdd{}
	ls := s.leaf("ls", "List the keys, with their secrets.", &keysLs{})
	add := s.leaf("add", "Make a key.", c,
		argument{name: "label", help: "What you call it: whose phone it is for.", one: &c.Label, optional: true})
	textVar(add.Flags(), &c.Stream, "stream", "NAME", "The only stream name it is good for.")
	toggleVar(add, &c.Owner, "owner", "It is the box's owner's, who sees and deletes the files of all.")
	exclusive(add, "stream", "owner")
	return s.group("keys", "List, add and revoke the keys of publishers.", ls, ls, add, newRevokeCommand(s))
}

// Run lists the streams, live ones first.
func (c *streamLs) Run(s *scope) error {
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		lives, err := b.StreamRecords(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			enc := json.NewEncoder(s.out)
			for _, l := range lives {
				if err := enc.Encode(l); err != nil {
					return err
				}
			}
			return nil
		}
		return writeStreams(s.out, lives, time.Now())
	})
}

func writeStreams(out io.Writer, lives []*bus.StreamRecord, now time.Time) error {
	if len(lives) == 0 {
		_, err := fmt.Fprintln(out, "no stream yet; pse stream keys shows what a publisher needs")
		return err
	}
	rank := map[string]int{bus.StateLive: 0, bus.StateGrace: 1, bus.StateEnded: 2}
	slices.SortFunc(lives, func(a, b *bus.StreamRecord) int {
		if rank[a.State] != rank[b.State] {
			return rank[a.State] - rank[b.State]
		}
		return strings.Compare(a.Name, b.Name)
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tAPP\tSTATE\tFOR\tPICTURE\tCODECS\tTRAILS\tPUBLISHER")
	for _, l := range lives {
		since := l.StartedAt
		switch l.State {
		case bus.StateGrace:
			since = l.PausedAt
		case bus.StateEnded:
			since = l.EndedAt
		}
		picture := "-"
		if l.Width > 0 {
			picture = fmt.Sprintf("%dx%d", l.Width, l.Height)
		}
		codecs := strings.Trim(l.VideoCodec+"+"+l.AudioCodec, "+")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.App, l.State,
			now.Sub(time.UnixMilli(since)).Truncate(time.Second), picture, codecs, trails(l), l.Client)
	}
	return w.Flush()
}

// trails says which of a publisher's tracks comes later than the other, and by how much.
func trails(l *bus.StreamRecord) string {
	switch by := l.SoundTrails; {
	case by >= 100:
		return fmt.Sprintf("sound %.1fs", float64(by)/1000)
	case by <= -100:
		return fmt.Sprintf("picture %.1fs", float64(-by)/1000)
	}
	return "-"
}

// Run lists the keys.
func (c *keysLs) Run(s *scope) error {
	return s.withKeys(func(_ context.Context, keys *access.Keys) error {
		return writeKeys(s.out, keys.List())
	})
}

func writeKeys(out io.Writer, keys []bus.Key) error {
	if len(keys) == 0 {
		_, err := fmt.Fprintln(out, "no key yet; make one with: pse stream keys add LABEL")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKEY\tSTREAM\tMADE\tLABEL")
	for _, k := range keys {
		stream := k.Stream
		switch {
		case k.Owner:
			stream = "(any), owner"
		case stream == "":
			stream = "(any)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Secret, stream, time.UnixMilli(k.CreatedAt).Format(time.DateOnly), k.Label)
	}
	return w.Flush()
}

// Run makes a key and shows it.
func (c *keysAdd) Run(s *scope) error {
	return s.withKeys(func(ctx context.Context, keys *access.Keys) error {
		add := func() (bus.Key, error) { return keys.Add(ctx, c.Label, c.Stream) }
		if c.Owner {
			add = func() (bus.Key, error) { return keys.AddOwner(ctx, c.Label) }
		}
		k, err := add()
		if err != nil {
			return err
		}
		return writeKeys(s.out, []bus.Key{k})
	})
}
