// Package process starts programs for benchmarks and whole-program tests, PSE
// itself among them, kills them, and reads what they cost: CPU time to the
// nanosecond from the process's own clock, memory from /proc.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Process is a running server.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	said *os.File
}

// Options of Start. CPU pins the process to one core; -1: any.
type Options struct {
	CPU   int
	Env   []string // besides ours
	Dir   string
	Files int    // descriptors that it may have; 0: as many as we
	Log   string // file that what it writes is appended to
}

// Start starts a program in its own process group. It is killed with us.
func Start(ctx context.Context, o Options, name string, args ...string) (*Process, error) {
	said, err := os.OpenFile(o.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if o.Files > 0 {
		args = append([]string{"-c", `ulimit -n "$0" && exec "$@"`, strconv.Itoa(o.Files), name}, args...)
		name = "sh"
	}
	if o.CPU >= 0 {
		args = append([]string{"-c", strconv.Itoa(o.CPU), name}, args...)
		name = "taskset"
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = append(os.Environ(), o.Env...), o.Dir
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	p := &Process{cmd: cmd, done: make(chan struct{}), said: said}
	started := make(chan error)
	go func() {
		defer close(p.done)
		defer said.Close()
		// Linux sends the Pdeathsig when the thread that started the process
		// ends (golang.org/issue/27505): this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if err := cmd.Wait(); err != nil {
			fmt.Fprintf(said, "[%s ended: %v]\n", cmd.Path, err)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// Stop asks the process to end, and after 5 s makes it. Nil-safe.
func (p *Process) Stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// Terminate asks the process to end (SIGTERM), and does not wait until it has.
func (p *Process) Terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// Kill ends the process at once, as a crash would; its children are not asked.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Tail is the end of a log file, for an error.
func Tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return string(b[max(0, len(b)-1500):])
}
