package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/helios-h2020/pse/store"
)

// concat appends complete partial uploads to a final one (tus concatenation). When it
// returns nil all bytes are there; the final upload is complete when the hooks have
// allowed it, for which its sender need not come again.
func (u *uploads) concat(ctx context.Context, wr *writer, parts []string) error {
	for _, name := range parts {
		if err := u.appendPart(ctx, wr, name); err != nil {
			_ = u.remove(wr, store.RemovedBySender) // nobody can resume it
			return err
		}
	}
	err := u.finish(wr)
	if err == nil || asStatusError(err).code == codeRefused {
		return err
	}
	u.retries.put(wr.Info().Name)
	return nil
}

// appendPart appends a partial upload: errPart when it is damaged on the disk.
func (u *uploads) appendPart(ctx context.Context, wr *writer, name string) error {
	i, err := u.store.Info(name)
	if err != nil {
		return err
	}
	sound, err := u.store.Verify(i)
	if err == nil && (i.Corrupt || sound != i.Size) {
		err = errPart
	}
	if err != nil {
		return fmt.Errorf("concatenate %s: %w", name, err)
	}
	f, err := u.store.Open(i)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := wr.Append(contextReader{ctx, f}, i.Size, nil)
	if err == nil && n != i.Size {
		err = fmt.Errorf("concatenate %s: %d of %d bytes: %w", name, n, i.Size, store.ErrFailed)
	}
	return err
}

// contextReader reads until its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (w contextReader) Read(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(b)
}
