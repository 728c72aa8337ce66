package ffmpeg

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// Where descriptors run out there are no pipes, and none is left open.
func TestPipesWithoutDescriptors(t *testing.T) {
	open := func() int {
		t.Helper()
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := open()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	less := old
	less.Cur = uint64(before + 8)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &less); err != nil {
		t.Fatal(err)
	}
	p, err := openPipes(100)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if p != nil || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("%v, %v", p, err)
	}
	if after := open(); after != before {
		t.Errorf("%d descriptors are open, %d were before", after, before)
	}
}
