package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/internal/sleep"
)

type keysRevoke struct {
	ID    string
	Files string
}

func newRevokeCommand(s *scope) *cobra.Command {
	c := &keysRevoke{}
	revoke := s.leaf("revoke", "Revoke a key; its publishers are cut off at once.", c,
		argument{name: "id", help: "As pse stream keys shows it.", one: &c.ID})
	textVar(revoke.Flags(), &c.Files, "files", "WHAT",
		"What becomes of the files that were sent with it: keep, delete, or give:KEY, the ID or label of another. Without it a person is asked, and else they are kept: the owner's key sees them.")
	return revoke
}

// What can become of files.
const (
	filesKeep   = "keep"
	filesDelete = "delete"
	filesGive   = "give:" // + ID or label of a key
)

// estatePatience is how long files that somebody is busy with are waited for.
const estatePatience = 30 * time.Second

// Run revokes a key, and does with its files what it is told to. A second time it
// goes on with the files where the first was cut off.
func (c *keysRevoke) Run(s *scope) error {
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		keys, err := access.NewKeys(ctx, b, zap.NewNop())
		if err != nil {
			return err
		}
		defer keys.Close()
		had, err := b.RequestEstate(ctx, bus.EstateQuery{Owner: c.ID}, askTime)
		unknown := errors.Is(err, bus.ErrNoWorker)
		if err != nil && !unknown {
			return fmt.Errorf("find the key's files: %w; nothing is revoked yet, try again", err)
		}
		if !keys.Has(c.ID) && had.Files == 0 {
			return keys.Revoke(ctx, c.ID) // says that there is none
		}
		if c.Files == "" && had.Files > 0 && isTerminal(s.in) {
			if c.Files, err = askAboutFiles(s.std, keys.Label(c.ID), had); err != nil {
				return err
			}
		}
		q, err := c.estate(keys)
		if err != nil {
			return err
		}
		if unknown && (q.Delete || q.To != "") {
			return errors.New("no transfer worker runs, so nothing becomes of the files, and nothing is revoked; start it, or revoke with --files keep")
		}
		last := keys.Owner(c.ID) && !slices.ContainsFunc(keys.List(), func(k bus.Key) bool { return k.Owner && k.ID != c.ID })
		if keys.Has(c.ID) {
			if err := keys.Revoke(ctx, c.ID); err != nil {
				return err
			}
			fmt.Fprintf(s.out, "revoked %s\n", c.ID)
		}
		if last {
			fmt.Fprintln(s.out, "no owner's key is left, by which the files of all are seen: make one with pse stream keys add --owner")
		}
		return settle(ctx, s.out, b, q, had)
	})
}

// estate is what is to become of the files.
func (c *keysRevoke) estate(keys *access.Keys) (q bus.EstateQuery, err error) {
	q.Owner = c.ID
	to, give := strings.CutPrefix(c.Files, filesGive)
	switch {
	case c.Files == "" || c.Files == filesKeep:
	case c.Files == filesDelete:
		q.Delete = true
	case give:
		q.To, err = heir(keys, c.ID, to)
	default:
		err = usagef("--files %s: write keep, delete or give:KEY", c.Files)
	}
	return q, err
}

// heir is the ID of the key that gets the files of another.
func heir(keys *access.Keys, of, name string) (string, error) {
	var found []bus.Key
	for _, k := range keys.List() {
		if k.ID == name {
			found = []bus.Key{k}
			break
		}
		if k.Label == name {
			found = append(found, k)
		}
	}
	switch {
	case len(found) == 0:
		return "", usagef("there is no key %q to give the files to; pse stream keys lists them", name)
	case len(found) > 1:
		return "", usagef("several keys are called %q; give the ID of one", name)
	case found[0].ID == of:
		return "", usagef("the files cannot be given to the key that is revoked; name another")
	case found[0].Stream != "":
		return "", usagef("the key %s is for the stream %s only, and sends no files; name another", found[0].ID, found[0].Stream)
	}
	return found[0].ID, nil
}

// askAboutFiles asks a person.
func askAboutFiles(s std, label string, had bus.Estate) (string, error) {
	fmt.Fprintf(s.out, "%s sent %s. What becomes of them?\n  keep      they stay, and their links too; the owner's key sees and deletes them\n  delete    they go, for good\n  give:KEY  they belong to another key, by its ID or label\n[keep] ", label, filesOf(had))
	line, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil && line == "" {
		return "", errors.New("no answer, and nothing is revoked; give one by --files")
	}
	return strings.TrimSpace(line), nil
}

// settle has done with the files what q says, and says so.
func settle(ctx context.Context, out io.Writer, b *bus.Bus, q bus.EstateQuery, had bus.Estate) error {
	if !q.Delete && q.To == "" {
		if had.Files > 0 {
			fmt.Fprintf(out, "kept %s: the owner's key sees and deletes them\n", filesOf(had))
		}
		return nil
	}
	done := "deleted"
	if q.To != "" {
		done = "gave to " + q.To
	}
	ctx, cancel := context.WithTimeout(ctx, estatePatience)
	defer cancel()
	for before := had.Files + 1; ; {
		a, err := b.RequestEstate(ctx, q, askTime)
		switch {
		case err != nil:
			return fmt.Errorf("what becomes of the files: %w; the same command goes on with them", err)
		case a.Left == 0:
			_, err := fmt.Fprintf(out, "%s %s\n", done, filesOf(had))
			return err
		case a.Error != "":
			return fmt.Errorf("%d files are left: %s; the same command goes on with them", a.Left, a.Error)
		}
		if a.Left >= before && !sleep.For(ctx, time.Second) || ctx.Err() != nil {
			return fmt.Errorf("%d files are left, %d that somebody is busy with; the same command goes on with them", a.Left, a.Busy)
		}
		before = a.Left
	}
}

// filesOf says how many files there are.
func filesOf(e bus.Estate) string {
	what := "files"
	if e.Files == 1 {
		what = "file"
	}
	return fmt.Sprintf("%d %s (%.1f MiB)", e.Files, what, float64(e.Bytes)/(1<<20))
}
