package folder

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// slowSync is how long a sync of the whole file system may take: on one where others write
// much it waits for their bytes too. After one that took longer files are synced one by
// one for slowFor.
const (
	slowSync = 250 * time.Millisecond
	slowFor  = time.Minute
)

// A group syncs the files of uploads that end at about the same time together. Who comes while
// a sync is under way waits for the next one, which is for all who wait then.
type group struct {
	one func(file string) error // syncs a file or directory
	all func() error            // syncs the file system; nil: there is no such call that can be trusted

	mu      sync.Mutex // guards what follows
	running bool
	next    *batch    // of those who wait; nil: nobody does
	slow    time.Time // until when files are synced one by one
}

// batch is what one sync is for.
type batch struct {
	files   map[string]bool
	callers int
	done    chan struct{}
	err     error // after done
}

// newGroup makes the group of a directory, which root has open.
func newGroup(d dir, root *os.File) *group {
	g := &group{one: func(file string) error {
		f, err := d.open(file)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	}}
	if syncsWhole(root) {
		g.all = func() error { return unix.Syncfs(int(root.Fd())) }
	}
	return g
}

// syncsWhole says whether syncfs(2) on a file system waits for the disk and says what failed:
// Linux says it from 5.8 on.
func syncsWhole(root *os.File) bool {
	var fs unix.Statfs_t
	var name unix.Utsname
	if unix.Fstatfs(int(root.Fd()), &fs) != nil || unix.Uname(&name) != nil {
		return false
	}
	switch fs.Type {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return atLeast(unix.ByteSliceToString(name.Release[:]), 5, 8)
	}
	return false
}

// atLeast says whether a kernel's release, as 6.1.0-18-amd64, is a version or later.
func atLeast(release string, major, minor int) bool {
	var v [2]int
	n := 0
	for _, c := range release {
		switch {
		case c >= '0' && c <= '9' && v[n] < 1000:
			v[n] = 10*v[n] + int(c-'0')
		case c == '.' && n == 0:
			n = 1
		default:
			return v[0] > major || v[0] == major && v[1] >= minor
		}
	}
	return v[0] > major || v[0] == major && v[1] >= minor
}

// sync returns when what was written to files before it was called is on the disk.
func (g *group) sync(files ...string) error {
	g.mu.Lock()
	if g.next == nil {
		g.next = &batch{files: map[string]bool{}, done: make(chan struct{})}
	}
	b := g.next
	b.callers++
	for _, f := range files {
		b.files[f] = true
	}
	if !g.running {
		g.running = true
		go g.run() // it ends when nobody waits
	}
	g.mu.Unlock()
	<-b.done
	return b.err
}

// run syncs until nobody waits.
func (g *group) run() {
	for {
		g.mu.Lock()
		b := g.next
		g.next = nil
		if b == nil {
			g.running = false
			g.mu.Unlock()
			return
		}
		whole := g.all != nil && b.callers > 1 && time.Now().After(g.slow)
		g.mu.Unlock()
		if whole {
			begun := time.Now()
			b.err = g.all()
			if took := time.Since(begun); took > slowSync {
				g.mu.Lock()
				g.slow = time.Now().Add(slowFor)
				g.mu.Unlock()
			}
		} else {
			for f := range b.files {
				b.err = errors.Join(b.err, g.one(f))
			}
		}
		close(b.done)
	}
}
