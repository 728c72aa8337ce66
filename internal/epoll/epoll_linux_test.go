package epoll

import (
	"testing"

	"golang.org/x/sys/unix"
)

// pipe is a pipe whose ends do not block.
func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

func write(t *testing.T, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

// An edge is reported once, and again after Modify or when more comes.
func TestEdges(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, w := pipe(t)
	const edge = unix.EPOLLIN | unix.EPOLLET&(1<<32-1)
	if err := s.Add(r, edge); err != nil {
		t.Fatal(err)
	}
	var events [4]Event
	ready := func(want int, when string) {
		t.Helper()
		if n := s.Poll(events[:], 0); n != want || n > 0 && (int(events[0].Fd) != r || events[0].Events != unix.EPOLLIN) {
			t.Fatalf("%s: %d ready, %+v", when, n, events[0])
		}
	}
	ready(0, "nothing was written")
	write(t, w)
	if n := s.Wait(events[:]); n != 1 || int(events[0].Fd) != r {
		t.Fatalf("%d ready, %+v", n, events[0])
	}
	ready(0, "the edge was reported")
	if err := s.Modify(r, edge); err != nil {
		t.Fatal(err)
	}
	ready(1, "after Modify")
	write(t, w)
	ready(1, "more was written")
	if err := s.Add(r, edge); err == nil {
		t.Error("added twice")
	}
}

// A set may be in another: that is how a goroutine waits for one that it polls.
func TestSetInASet(t *testing.T) {
	inner, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	outer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	r, w := pipe(t)
	if err := inner.Add(r, unix.EPOLLIN); err != nil {
		t.Fatal(err)
	}
	if err := outer.Add(int(inner), 0); err != nil {
		t.Fatal(err)
	}
	write(t, w)
	var events [1]Event
	if n := outer.Poll(events[:], 0); n != 0 {
		t.Fatalf("%d ready before it was armed", n)
	}
	if err := outer.Modify(int(inner), unix.EPOLLIN|unix.EPOLLONESHOT); err != nil {
		t.Fatal(err)
	}
	if n := outer.Poll(events[:], 0); n != 1 || int(events[0].Fd) != int(inner) {
		t.Fatalf("%d ready, %+v", n, events[0])
	}
	if n := outer.Poll(events[:], 0); n != 0 {
		t.Fatalf("%d ready after its shot", n)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, w := pipe(t)
	if err := s.Add(r, unix.EPOLLIN); err != nil {
		t.Fatal(err)
	}
	write(t, w)
	var events [4]Event
	if n := testing.AllocsPerRun(100, func() {
		s.Poll(events[:], 0)
		s.Wait(events[:])
		_ = s.Modify(r, unix.EPOLLIN)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
