package child

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain is also the parent that a test kills.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_CHILD_PARENT") != "" {
		c := Command{Program: "sleep", Args: []string{"1000"}}
		ch, err := c.Start(context.Background())
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString(strconv.Itoa(ch.PID()) + "\n")
		_ = ch.Wait()
	}
	os.Exit(m.Run())
}

// shell runs a script, which begins when it reads a line: then it is bounded.
func shell(t *testing.T, l Limits, script string) (out string, err error) {
	t.Helper()
	var b bytes.Buffer
	c := Command{
		Program: "sh", Args: []string{"-c", "read line; " + script}, Limits: l,
		Stdin: strings.NewReader("go\n"), Stdout: &b, Stderr: &b,
	}
	err = c.Run(t.Context())
	return b.String(), err
}

func TestEnvironmentIsShort(t *testing.T) {
	for _, name := range []string{"PSE_BUS_URL", "PSE_TRANSFER_S3_SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "HOME", "LIBVA_DRIVER_NAME", "DRIVER"} {
		t.Setenv(name, "secret")
	}
	var out bytes.Buffer
	c := Command{Program: "env", Stdout: &out, Env: []string{"DRIVER"}}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(out.String()) {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(n string) bool { return n == "LD_LIBRARY_PATH" }) // if the machine has it
	if want := []string{"DRIVER", "LANG", "PATH"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestBounds(t *testing.T) {
	out, err := shell(t, Limits{Memory: 1 << 28, CPU: 1500 * time.Millisecond, Nice: 18}, "cat /proc/self/limits /proc/self/status /proc/self/stat /proc/self/oom_score_adj")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`Max data size +268435456 +268435456`, `Max cpu time +2 +2`, `Max file size +0 +0`, `Max core file size +0 +0`,
		`Max open files +256 +256`, `NoNewPrivs:\s+1`, `\(cat\) R( -?\d+){15} 1[89] `, `(?m)^500$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	out, err = shell(t, Limits{Files: true}, "cat /proc/self/limits")
	if err != nil || !regexp.MustCompile(`Max data size +unlimited`).MatchString(out) || regexp.MustCompile(`Max file size +0`).MatchString(out) {
		t.Errorf("without bounds: %v\n%s", err, out)
	}
}

// What goes over a bound ends, and only that.
func TestOverTheBounds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for name, c := range map[string]struct {
		script string
		limits Limits
	}{
		"memory": {"dd if=/dev/zero of=/dev/null bs=300M count=1", Limits{Memory: 1 << 27}},
		"time":   {"while :; do :; done", Limits{CPU: time.Second}},
		"files":  {"echo hello >" + file, Limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := shell(t, c.limits, c.script); err == nil {
				t.Errorf("it was let:\n%s", out)
			}
		})
	}
	if b, err := os.ReadFile(file); err != nil || len(b) > 0 {
		t.Errorf("written: %q, %v", b, err)
	}
	if out, err := shell(t, Limits{Files: true, Memory: 1 << 29}, "dd if=/dev/zero of=/dev/null bs=100M count=1 && echo hello >"+file); err != nil {
		t.Errorf("within the bounds: %v\n%s", err, out)
	}
}

// alive reports a process that has not ended.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !bytes.Contains(b, []byte(") Z "))
}

// ended waits until a process that was killed has ended.
func ended(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("process %d lives on, %v", pid, err)
		}
		return
	}
}

// Nothing of a child is left: not what it started, not when the context ends,
// and not when we are killed.
func TestNothingIsLeft(t *testing.T) {
	out, err := shell(t, Limits{}, "sleep 1000 >/dev/null 2>&1 & echo $!")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	ended(t, pid)

	ctx, cancel := context.WithCancel(t.Context())
	for _, gentle := range []bool{false, true} {
		ctx, cancel := context.WithCancel(ctx)
		ch, err := Command{Program: "sleep", Args: []string{"1000"}, Gentle: gentle}.Start(ctx)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := ch.Wait(); err == nil || alive(ch.PID()) {
			t.Errorf("gentle %v: %v", gentle, err)
		}
	}
	cancel()
	if _, err := (Command{Program: "sleep", Args: []string{"1000"}}).Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("started after the end: %v", err)
	}

	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), "TEST_CHILD_PARENT=1")
	said, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 32)
	n, err := said.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(line[:n]))); err != nil || !alive(pid) {
		t.Fatalf("%s: %v", line[:n], err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	ended(t, pid)
}

// What a child inherits never stays with us: it has the thread for itself.
func TestThreadsAreNotShared(t *testing.T) {
	if own, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err != nil || own == 1 {
		t.Fatal("the test stands back as far as anybody can, and could not tell", err)
	}
	for range 30 {
		if _, err := shell(t, Limits{Nice: 19}, "true"); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "cat", "/proc/self/status", "/proc/self/stat").CombinedOutput()
		if err != nil || !regexp.MustCompile(`NoNewPrivs:\s+0`).Match(out) || regexp.MustCompile(`\(cat\) R( -?\d+){15} 19 `).Match(out) {
			t.Fatalf("another's child: %v\n%s", err, out)
		}
	}
}

func TestNoSuchProgram(t *testing.T) {
	_, err := Command{Program: "/nowhere/ffmpeg", Stdin: strings.NewReader("x")}.Start(t.Context())
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	err = Command{Program: "sh", Args: []string{"-c", "exit 3"}}.Run(t.Context())
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Error(err)
	}
	err = Command{Program: "sh", Args: []string{"-c", "kill -9 $$"}}.Run(t.Context())
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Error(err)
	}
}
