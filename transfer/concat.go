package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/helios-h2020/pse/store"
)

// concat makes a whole of parts that are all there. When it returns nil the
// whole is made; it is a file when the hooks have seen it, which needs no sender.
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

// appendPart appends a part as it was sent: what is damaged is not made a whole.
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
	n, err := wr.Append(whileLiving{ctx, f}, i.Size, nil)
	if err == nil && n != i.Size {
		err = fmt.Errorf("concatenate %s: %d of %d bytes: %w", name, n, i.Size, store.ErrFailed)
	}
	return err
}

// whileLiving reads until a context ends.
type whileLiving struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (w whileLiving) Read(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(b)
}
