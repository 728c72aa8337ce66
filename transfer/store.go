package transfer

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"go.uber.org/zap"
)

// A store is where uploads are kept: a folder of a disk, or a bucket of an
// object store. Beside its data and its metadata an upload has small files,
// whose names begin with the upload's:
//
//	NAME/links/KEY  links for reading
//	NAME/told-*     facts that are told
//	NAME/lost       what was damaged, to be told
//	NAME/used       it is part of a whole by now
//	NAME/checked    it was read again
type store struct {
	place
	now     func() time.Time
	linking sync.Mutex // held while links are counted and made
}

const (
	dirUploads = "." // of the uploads
	dirRemoved = "removed"
	dirDamaged = "damaged"
	dirLinks   = "links"
)

// A place is what a store is in. Several processes may work on it: who writes
// to an upload holds it (holds); everything else is made of steps that are done
// or not, in any order. What is not there is errNotFound.
type place interface {
	create(i *info) error                          // makes an upload
	info(name string) (*info, error)               // its metadata; errNoInfo: it is damaged
	offset(i *info) (int64, error)                 // how much of it counts; only who holds it knows for sure
	touched(i *info) (time.Time, error)            // when it last got something
	open(i *info) (content, error)                 // for reading
	verify(i *info) (int64, error)                 // how much of a file is what came
	writer(s *store, name string) (*writer, error) // opens it for writing; errHeld: another process writes to it

	// where says to people, and as tusd does, where its data is.
	where(i *info) (string, map[string]string)

	// removal tells of an upload that is removed and not forgotten yet, and
	// where its small files are. Without metadata there is nothing to tell.
	removal(name string) (dir string, i *info, why gone, err error)
	forget(name string) error           // ends one that is removed
	setAside(name string) (bool, error) // moves one that nobody can read out of the way, for a person to look at

	// Small files, each written at once or not at all.
	read(file string) ([]byte, error)
	write(file string, b []byte) error
	erase(file string) error
	written(file string) (time.Time, error) // when
	list(dir string) ([]string, error)      // names of uploads, or keys of links, in a directory

	atOnce() int // how many questions to ask at once
	close() error
}

// content is a file's data.
type content = io.ReadSeekCloser

// openStore opens the store that is configured.
func openStore(cfg Config, log *zap.Logger) (*store, error) {
	var p place
	var err error
	if cfg.S3.Bucket != "" {
		p, err = openBucket(cfg, log)
	} else {
		p, err = openFolder(cfg.Dir, cfg.Sync, cfg.Floor())
	}
	return &store{place: p, now: time.Now}, err
}

// each calls f with each name, several at a time where that helps, until ctx ends.
func (s *store) each(ctx context.Context, names []string, f func(name string)) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, s.atOnce())
	for _, name := range names {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		wg.Go(func() {
			defer func() { <-slots }()
			f(name)
		})
	}
	return nil
}

// create makes an upload of i.
func (s *store) create(i *info) error {
	i.Created = s.now().UnixMilli()
	return s.place.create(i)
}

// names lists the uploads.
func (s *store) names() ([]string, error) { return s.list(dirUploads) }

// mark makes an empty file that says that something is done. Twice does no harm.
func (s *store) mark(file string) error {
	if err := s.write(file, nil); err != nil {
		return fmt.Errorf("mark %s: %w", file, err)
	}
	return nil
}

func (s *store) has(file string) bool {
	_, err := s.written(file)
	return err == nil
}
