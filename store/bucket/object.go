package bucket

import (
	"errors"
	"fmt"
	"io"

	"github.com/helios-h2020/pse/store"
)

// object reads one of a bucket. It asks for it when it is first read, from where
// it is; and again, when the connection is lost.
type object struct {
	client *client
	name   string
	size   int64

	at   int64
	body io.ReadCloser // from at on; nil: to be asked for
}

// Seek implements io.Seeker.
func (d *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += d.at
	case io.SeekEnd:
		offset += d.size
	}
	if offset < 0 {
		return d.at, fmt.Errorf("read %s from %d: %w", d.name, offset, store.ErrFailed)
	}
	if offset != d.at {
		d.stop()
		d.at = offset
	}
	return d.at, nil
}

// Read implements io.Reader.
func (d *object) Read(b []byte) (n int, err error) {
	if d.at >= d.size {
		return 0, io.EOF
	}
	for try := 1; ; try++ {
		if d.body == nil {
			if d.body, err = d.client.stream(d.name, d.at); err != nil {
				return 0, err
			}
		}
		n, err = d.body.Read(b[:min(int64(len(b)), d.size-d.at)])
		d.at += int64(n)
		if err == nil {
			return n, nil
		}
		d.stop()
		if n > 0 {
			return n, nil
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if try == askedTimes || errors.Is(err, errSilent) {
			return 0, d.client.failed(d.client.living, "read", d.name, err)
		}
	}
}

func (d *object) stop() {
	if d.body != nil {
		_ = d.body.Close()
		d.body = nil
	}
}

// Close implements io.Closer.
func (d *object) Close() error {
	d.stop()
	return nil
}
