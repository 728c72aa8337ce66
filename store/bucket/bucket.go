// Package bucket keeps the uploads of a store in a bucket of an S3-compatible server:
//
//	NAME/info        metadata, and which of the following count
//	NAME/data...     the bytes, when they are all there
//	NAME/tail-*      the last of them before that, too few for a part
//	NAME/links/ and other small files as in any store
//	damaged/NAME/    metadata that nobody can read
//
// Before an upload is complete its bytes are parts of a multipart upload, and
// a tail. What counts of them is what the metadata names: it is replaced as a
// whole, and only if it is the version that the writer knows (If-Match). That
// is the fence: of two who believe that they hold an upload one is refused,
// and what it wrote, now or late, counts for nothing, as nobody uses a part's
// number or a tail's name twice. On servers that do not heed If-Match only the
// lease on the bus keeps two from it.
//
// A crash may leave a multipart upload without parts, which takes no room. A rule
// of the server's that ends unfinished multipart uploads must leave them for
// longer than any that is not to be lost: an upload whose parts are gone begins anew.
//
// This is not made with tusd's s3store: it deletes the object with the bytes
// that are too few for a part before these are stored again, so that a crash, or
// an answer of 500, loses acknowledged bytes; and it takes the parts that it
// finds for a file, also when one in the middle is missing.
package bucket

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
)

// backend implements store.Backend.
type backend struct {
	client   *client
	spool    string // directory for bytes that wait to be a part
	partSize int64
}

// joined is the name of data that is made of parts.
const joined = "data"

// Open opens a bucket, and asks nothing of its server yet. Bytes that are too few
// for a part wait in spool, a directory that is made if it is not there, in files
// that end with the process. What the server does not move on with for half of
// stall fails.
func Open(c Config, spool string, stall time.Duration, log *zap.Logger) (store.Backend, error) {
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for parts: %w; choose another with transfer.dir", err)
	}
	client, err := newClient(c, stall, log)
	if err != nil {
		return nil, err
	}
	return &backend{client, spool, c.PartSize}, nil
}

// Close implements Backend.
func (b *backend) Close() error {
	b.client.end()
	return nil
}

// Concurrency implements Backend. What takes time is the way to the server and back.
func (b *backend) Concurrency() int { return 16 }

// Create implements Backend.
func (b *backend) Create(i *store.Info) error {
	i.Stored = &store.Stored{}
	_, err := b.writeInfo(i, anyVersion)
	return err
}

func (b *backend) writeInfo(i *store.Info, match string) (version string, err error) {
	text, err := store.EncodeInfo(i)
	if err != nil {
		return "", err
	}
	return b.client.putBytes(path.Join(i.Name, store.FileInfo), text, match)
}

// readInfo reads metadata, also that of an upload that is removed.
func (b *backend) readInfo(name string) (i *store.Info, version string, err error) {
	text, version, modified, err := b.client.get(path.Join(name, store.FileInfo))
	if err != nil {
		return nil, "", err
	}
	i, err = store.ParseInfo(text)
	if err != nil || i.Name != name || i.Stored == nil {
		return nil, "", fmt.Errorf("upload %s: %w", name, store.ErrNoInfo)
	}
	i.Modified = modified
	return i, version, nil
}

// Info implements Backend.
func (b *backend) Info(name string) (*store.Info, error) {
	i, _, err := b.readInfo(name)
	if err == nil && i.Removal != nil {
		return nil, store.ErrNotFound
	}
	return i, err
}

// Offset implements Backend.
func (b *backend) Offset(i *store.Info) (int64, error) { return i.Stored.End, nil }

// LastWrite implements Backend.
func (b *backend) LastWrite(i *store.Info) (time.Time, error) { return i.Modified, nil }

// Add implements Backend.
func (b *backend) Add(file string, text []byte) error { return b.Write(file, text) }

// State implements Backend. The server would have to be asked for each link.
func (b *backend) State(string) string { return "" }

// Verify implements Backend. The server checks what it is sent, and keeps it.
func (b *backend) Verify(i *store.Info) (int64, error) { return i.Size, nil }

// Location implements Backend.
func (b *backend) Location(i *store.Info) store.Location {
	name := joined
	if i.Stored != nil && i.Stored.Data != "" {
		name = i.Stored.Data
	}
	return store.Location{Bucket: b.client.bucket, Key: b.client.key(path.Join(i.Name, name))}
}

// Open implements Backend.
func (b *backend) Open(i *store.Info) (store.Content, error) {
	if i.Stored.Data == "" {
		return nil, store.ErrGrowing
	}
	name := path.Join(i.Name, i.Stored.Data)
	size, _, err := b.client.head(name)
	if err == nil && size != i.Size {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		b.client.log.Error("the data of a file is not in the bucket", zap.String("object", name))
		err = store.ErrCorrupt
	}
	if err != nil {
		return nil, err
	}
	return &object{client: b.client, name: name, size: size}, nil
}

// Removal implements Backend.
func (b *backend) Removal(name string) (dir string, i *store.Info, why store.Removal, err error) {
	i, _, err = b.readInfo(name)
	switch {
	case errors.Is(err, store.ErrNoInfo) || err == nil && i.Removal == nil:
		return name, nil, why, store.ErrNotFound
	case err != nil:
		return name, nil, why, err
	}
	return name, i, *i.Removal, nil
}

// Forget implements Backend. The metadata goes last: without it nobody knows what to delete.
func (b *backend) Forget(name string) error {
	i, _, err := b.readInfo(name)
	if errors.Is(err, store.ErrNotFound) {
		return b.clearOrphans(name)
	}
	if err == nil && i.Stored.Upload != "" && i.Stored.Data == "" {
		err = b.client.giveUp(path.Join(name, joined), i.Stored.Upload)
	}
	if err != nil {
		return err
	}
	if err := b.clear(name, func(file string) bool { return file != store.FileInfo }); err != nil {
		return err
	}
	return b.client.delete(path.Join(name, store.FileInfo))
}

// clearOrphans deletes what was written beside an upload as it was removed: a
// bucket has no directories that would refuse it. What was set aside stays.
func (b *backend) clearOrphans(name string) error {
	_, _, err := b.client.head(path.Join(store.DirDamaged, name, store.FileInfo))
	if errors.Is(err, store.ErrNotFound) {
		return b.clear(name, func(string) bool { return true })
	}
	return err
}

// clear deletes of an upload what is to go.
func (b *backend) clear(name string, goes func(file string) bool) error {
	all, err := b.client.list(name+"/", true)
	for _, object := range all {
		if err == nil && goes(strings.TrimPrefix(object, name+"/")) {
			err = b.client.delete(object)
		}
	}
	return err
}

// SetAside implements Backend. The data stays where it is.
func (b *backend) SetAside(name string) (bool, error) {
	text, _, _, err := b.client.get(path.Join(name, store.FileInfo))
	if err == nil {
		_, err = b.client.putBytes(path.Join(store.DirDamaged, name, store.FileInfo), text, anyVersion)
	}
	if err == nil {
		err = b.client.delete(path.Join(name, store.FileInfo))
	}
	return err == nil, err
}

// Read implements Backend.
func (b *backend) Read(file string) ([]byte, error) {
	text, _, _, err := b.client.get(file)
	return text, err
}

// Write implements Backend.
func (b *backend) Write(file string, text []byte) error {
	_, err := b.client.putBytes(file, text, anyVersion)
	return err
}

// Erase implements Backend.
func (b *backend) Erase(file string) error {
	if _, _, err := b.client.head(file); err != nil {
		return err
	}
	return b.client.delete(file)
}

// Written implements Backend.
func (b *backend) Written(file string) (time.Time, error) {
	_, modified, err := b.client.head(file)
	return modified, err
}

// List implements Backend.
func (b *backend) List(dir string) ([]string, error) {
	if dir = dir + "/"; dir == store.DirUploads+"/" {
		dir = ""
	}
	all, err := b.client.list(dir, false)
	var names []string
	for _, n := range all {
		if n = path.Base(n); store.IsToken(n) {
			names = append(names, n)
		}
	}
	return names, err
}
