package transfer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"go.uber.org/zap"
)

// A bucket is a store in one of an S3-compatible server:
//
//	NAME/info        metadata, and which of the following count
//	NAME/data...     the bytes, when they are all there
//	NAME/tail-*      the last of them before that, too few for a part
//	NAME/links/, NAME/told-* and the like as in any store
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
// longer than Config.IncompleteFor.
//
// This is not made with tusd's s3store: it deletes the object with the bytes
// that are too few for a part before these are stored again, so that a crash, or
// an answer of 500, loses acknowledged bytes; and it takes the parts that it
// finds for a file, also when one in the middle is missing.
type bucket struct {
	o        *objects
	spool    string // directory for bytes that wait to be a part
	partSize int64
}

// stored says where the bytes of an upload in a bucket are.
type stored struct {
	End    int64  `json:"end"`              // how many count
	Data   string `json:"data,omitempty"`   // object that has them all; empty: there is none yet
	Upload string `json:"upload,omitempty"` // id of the multipart upload; empty: there is none
	Parts  []part `json:"parts,omitempty"`  // in their order
	Next   int32  `json:"next,omitempty"`   // no part has had this number yet, nor a higher one
	Tail   string `json:"tail,omitempty"`   // object with what follows the parts; empty: nothing does
}

// part is one of a multipart upload.
type part struct {
	Number int32  `json:"n"`
	Size   int64  `json:"size"`
	ETag   string `json:"etag"`
}

// joined is the name of data that is made of parts.
const joined = "data"

func openBucket(c Config, log *zap.Logger) (*bucket, error) {
	spool := path.Join(c.Dir, "parts")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for parts: %w; choose another with transfer.dir", err)
	}
	o, err := newObjects(c.S3, c.StallTimeout, log)
	if err != nil {
		return nil, err
	}
	return &bucket{o, spool, c.S3.PartSize}, nil
}

// close implements place.
func (b *bucket) close() error {
	b.o.end()
	return nil
}

// atOnce implements place. What takes time is the way to the server and back.
func (b *bucket) atOnce() int { return 16 }

// create implements place.
func (b *bucket) create(i *info) error {
	i.Stored = &stored{}
	_, err := b.writeInfo(i, anyVersion)
	return err
}

func (b *bucket) writeInfo(i *info, match string) (version string, err error) {
	text, err := encodeInfo(i)
	if err != nil {
		return "", err
	}
	return b.o.putBytes(path.Join(i.Name, fileInfo), text, match)
}

// readInfo reads metadata, also that of an upload that is removed.
func (b *bucket) readInfo(name string) (i *info, version string, err error) {
	text, version, modified, err := b.o.get(path.Join(name, fileInfo))
	if err != nil {
		return nil, "", err
	}
	i, err = parseInfo(text)
	if err != nil || i.Name != name || i.Stored == nil {
		return nil, "", fmt.Errorf("upload %s: %w", name, errNoInfo)
	}
	i.modified = modified
	return i, version, nil
}

// info implements place.
func (b *bucket) info(name string) (*info, error) {
	i, _, err := b.readInfo(name)
	if err == nil && i.Gone != nil {
		return nil, errNotFound
	}
	return i, err
}

// offset implements place.
func (b *bucket) offset(i *info) (int64, error) { return i.Stored.End, nil }

// touched implements place.
func (b *bucket) touched(i *info) (time.Time, error) { return i.modified, nil }

// verify implements place. The server checks what it is sent, and keeps it.
func (b *bucket) verify(i *info) (int64, error) { return i.Size, nil }

// where implements place.
func (b *bucket) where(i *info) (string, map[string]string) {
	key := *b.o.key(path.Join(i.Name, joined))
	if i.Stored != nil && i.Stored.Data != "" {
		key = *b.o.key(path.Join(i.Name, i.Stored.Data))
	}
	return "s3://" + b.o.bucket + "/" + key, map[string]string{"Type": "s3store", "Bucket": b.o.bucket, "Key": key}
}

// open implements place.
func (b *bucket) open(i *info) (content, error) {
	if i.Stored.Data == "" {
		return nil, errGrowing
	}
	name := path.Join(i.Name, i.Stored.Data)
	size, _, err := b.o.head(name)
	if err == nil && size != i.Size {
		err = errNotFound
	}
	if errors.Is(err, errNotFound) {
		b.o.log.Error("the data of a file is not in the bucket", zap.String("object", name))
		err = errCorrupt
	}
	if err != nil {
		return nil, err
	}
	return &object{o: b.o, name: name, size: size}, nil
}

// removal implements place.
func (b *bucket) removal(name string) (dir string, i *info, why gone, err error) {
	i, _, err = b.readInfo(name)
	switch {
	case errors.Is(err, errNoInfo) || err == nil && i.Gone == nil:
		return name, nil, why, errNotFound
	case err != nil:
		return name, nil, why, err
	}
	return name, i, *i.Gone, nil
}

// forget implements place. The metadata goes last: without it nobody knows what to delete.
func (b *bucket) forget(name string) error {
	i, _, err := b.readInfo(name)
	if errors.Is(err, errNotFound) {
		return b.clearOrphans(name)
	}
	if err == nil && i.Stored.Upload != "" && i.Stored.Data == "" {
		err = b.o.giveUp(path.Join(name, joined), i.Stored.Upload)
	}
	if err != nil {
		return err
	}
	if err := b.clear(name, func(file string) bool { return file != fileInfo }); err != nil {
		return err
	}
	return b.o.delete(path.Join(name, fileInfo))
}

// clearOrphans deletes what was written beside an upload as it was removed: a
// bucket has no directories that would refuse it. What was set aside stays.
func (b *bucket) clearOrphans(name string) error {
	_, _, err := b.o.head(path.Join(dirDamaged, name, fileInfo))
	if errors.Is(err, errNotFound) {
		return b.clear(name, func(string) bool { return true })
	}
	return err
}

// clear deletes of an upload what is to go.
func (b *bucket) clear(name string, goes func(file string) bool) error {
	all, err := b.o.list(name+"/", true)
	for _, object := range all {
		if err == nil && goes(strings.TrimPrefix(object, name+"/")) {
			err = b.o.delete(object)
		}
	}
	return err
}

// setAside implements place. The data stays where it is.
func (b *bucket) setAside(name string) (bool, error) {
	text, _, _, err := b.o.get(path.Join(name, fileInfo))
	if err == nil {
		_, err = b.o.putBytes(path.Join(dirDamaged, name, fileInfo), text, anyVersion)
	}
	if err == nil {
		err = b.o.delete(path.Join(name, fileInfo))
	}
	return err == nil, err
}

// read implements place.
func (b *bucket) read(file string) ([]byte, error) {
	text, _, _, err := b.o.get(file)
	return text, err
}

// write implements place.
func (b *bucket) write(file string, text []byte) error {
	_, err := b.o.putBytes(file, text, anyVersion)
	return err
}

// erase implements place.
func (b *bucket) erase(file string) error {
	if _, _, err := b.o.head(file); err != nil {
		return err
	}
	return b.o.delete(file)
}

// written implements place.
func (b *bucket) written(file string) (time.Time, error) {
	_, modified, err := b.o.head(file)
	return modified, err
}

// list implements place.
func (b *bucket) list(dir string) ([]string, error) {
	if dir = dir + "/"; dir == dirUploads+"/" {
		dir = ""
	}
	all, err := b.o.list(dir, false)
	var names []string
	for _, n := range all {
		if n = path.Base(n); isToken(n) {
			names = append(names, n)
		}
	}
	return names, err
}
