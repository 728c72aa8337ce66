// Package child runs other people's programs on untrusted bytes: ffmpeg and
// ffprobe. What breaks them must reach nothing else, so a child gets
//
//   - a short environment: no passwords and keys of ours, no home;
//   - bounds of memory, processor time, open files and written files, in force
//     before the first byte of its input, and no core dumps;
//   - no way to more rights (no_new_privs), and less of a busy processor;
//   - a process group of its own, of which nothing is left when it ends, when
//     the context does, or when we are killed.
//
// When memory runs out the kernel takes children first. Bounds, priority and
// the death signal are Linux's; elsewhere a child has the environment and the
// group alone.
package child

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits are the bounds of a child. The zero value bounds neither memory nor
// time, and lets it write no file.
type Limits struct {
	Memory int64         // bytes of its own: heap, stacks, buffers (RLIMIT_DATA); 0: no bound
	CPU    time.Duration // of processor time, in whole seconds; 0: no bound
	Files  bool          // it may write files
	Nice   int           // 0 to 19: how far it stands back for others
}

// maxOpen is how many files a child may have open.
const maxOpen = 256

// grace is how long a child that was asked to end gets, and its pipes after it.
const grace = 3 * time.Second

// A Command is a program to run. Files in it are for the child: the caller
// closes its own copies after Start.
type Command struct {
	Program        string
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	ExtraFiles     []*os.File // from descriptor 3 on
	Env            []string   // more variables that it gets from our environment, by name
	Limits
	Gentle bool // the end of the context interrupts it (SIGINT) before it is killed
}

// A Child is a program that was started. Wait must be called.
type Child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; after done

	mu   sync.Mutex
	gone bool // it has ended: its number may soon be another's; guarded by mu
}

// passed are the variables of our environment that every child gets: where
// programs and their libraries are.
var passed = []string{"PATH", "LD_LIBRARY_PATH"}

// Start starts a child, which ends when ctx does.
func (c Command) Start(ctx context.Context) (*Child, error) {
	ch := &Child{cmd: exec.CommandContext(ctx, c.Program, c.Args...), done: make(chan struct{})}
	ch.cmd.Env = c.environment(os.Environ())
	ch.cmd.Stdout, ch.cmd.Stderr, ch.cmd.ExtraFiles = c.Stdout, c.Stderr, c.ExtraFiles
	ch.cmd.SysProcAttr = attributes()
	ch.cmd.WaitDelay = grace
	ch.cmd.Cancel = func() error { return ch.signal(syscall.SIGKILL) }
	if c.Gentle {
		ch.cmd.Cancel = func() error { return ch.signal(syscall.SIGINT) }
	}
	bounded := make(chan struct{})
	ch.cmd.Stdin = c.Stdin
	if _, file := c.Stdin.(*os.File); c.Stdin != nil && !file { // what comes from a file the caller holds back himself
		ch.cmd.Stdin = held{c.Stdin, bounded}
	}
	started := make(chan error, 1)
	go func() {
		// The child's priority and rights are those of the thread that starts
		// it, and its death signal hangs on that thread (golang.org/issue/27505):
		// it lives as long as the child, does nothing else, and ends with it,
		// since it is not unlocked.
		runtime.LockOSThread()
		defer close(ch.done)
		standBack(c.Nice)
		err := ch.cmd.Start()
		if err == nil {
			if err = bound(ch.cmd.Process.Pid, c.Limits); err != nil {
				_ = ch.signal(syscall.SIGKILL)
			}
		}
		close(bounded)
		if ch.cmd.Process == nil {
			started <- err
			return
		}
		if err != nil {
			_ = ch.cmd.Wait()
			started <- fmt.Errorf("bound %s: %w", c.Program, err)
			return
		}
		started <- nil
		ch.err = ch.wait()
	}()
	if err := <-started; err != nil {
		<-ch.done
		return nil, err
	}
	return ch, nil
}

// Run runs a child to its end.
func (c Command) Run(ctx context.Context) error {
	ch, err := c.Start(ctx)
	if err != nil {
		return err
	}
	return ch.Wait()
}

// Wait waits until the child has ended and says how, as exec.Cmd.Wait does.
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// PID is the child's number.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// wait waits for the child and ends what it left behind.
func (c *Child) wait() error {
	if awaitExit(c.cmd.Process.Pid) { // it is not forgotten yet: its number is nobody else's
		c.mu.Lock()
		c.gone = true
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		c.mu.Unlock()
	}
	return c.cmd.Wait()
}

// signal reaches the child's group.
func (c *Child) signal(s syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return os.ErrProcessDone
	}
	return syscall.Kill(-c.cmd.Process.Pid, s)
}

// environment is what of ours the child gets.
func (c Command) environment(ours []string) []string {
	env := []string{"LANG=C.UTF-8"}
	for _, name := range append(passed[:len(passed):len(passed)], c.Env...) {
		for _, kv := range ours {
			if strings.HasPrefix(kv, name+"=") {
				env = append(env, kv)
			}
		}
	}
	return env
}

// held is input that waits until the child is bounded.
type held struct {
	io.Reader
	until <-chan struct{}
}

// Read implements io.Reader.
func (h held) Read(b []byte) (int, error) {
	<-h.until
	return h.Reader.Read(b)
}
