package bus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/internal/sleep"
)

// Processes to be killed are this test binary with a part to play.
const (
	envPart   = "PSE_BUS_TEST_PART"
	envDir    = "PSE_BUS_TEST_DIR"
	envListen = "PSE_BUS_TEST_LISTEN"
	envURL    = "PSE_BUS_TEST_URL"
)

func TestMain(m *testing.M) {
	play := map[string]func() error{"": nil, "server": playServer, "holder": playHolder}[os.Getenv(envPart)]
	if play == nil {
		os.Exit(m.Run())
	}
	if err := play(); err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
}

func playServer() error {
	srv, err := StartServer(ServerConfig{Dir: os.Getenv(envDir), Listen: os.Getenv(envListen)}, zap.NewNop())
	if err != nil {
		return err
	}
	fmt.Println("ready", srv.URL())
	select {}
}

// playHolder takes the lease "a" whenever it can.
func playHolder() error {
	ctx := context.Background()
	b, err := Connect(ctx, Options{URL: os.Getenv(envURL), Name: "holder"}, zap.NewNop())
	if err != nil {
		return err
	}
	l, err := b.Leases(ctx)
	if err != nil {
		return err
	}
	for b.Alive(ctx, "nobody") { // until the connection has held so long that it asks
		sleep.For(ctx, 50*time.Millisecond)
	}
	fmt.Println("ready")
	for {
		le, err := l.TryAcquire(ctx, "a", nil)
		switch {
		case errors.Is(err, ErrHeld):
			<-l.Freed()
		case err != nil:
			fmt.Println("trouble", err)
			sleep.For(ctx, 50*time.Millisecond)
		default:
			fmt.Println("acquired")
			<-le.Lost()
			fmt.Println("lost")
		}
	}
}

// child is a running part.
type child struct {
	cmd   *exec.Cmd
	lines chan string // what it prints; closed when it is dead
}

func startChild(t *testing.T, part string, env ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0]), lines: make(chan string, 1000)}
	c.cmd.Env = append(append(os.Environ(), envPart+"="+part), env...)
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(c.kill)
	return c
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// says waits for a line that begins with a word and gives the rest.
func (c *child) says(t *testing.T, word string) string {
	t.Helper()
	for {
		line := natstest.Within(t, c.lines)
		if line == "" {
			t.Fatalf("the child ended before it said %q", word)
		}
		if first, rest, _ := strings.Cut(line, " "); first == word {
			return rest
		}
	}
}

// A reborn is a server in a process of its own that is killed and started
// again, on the same files and at the same address.
type reborn struct {
	*child
	dir     string
	address string // as its clients know it
	host    string // of address, with the port
}

func startReborn(t *testing.T) *reborn {
	t.Helper()
	r := &reborn{dir: t.TempDir(), host: "127.0.0.1:0"}
	r.again(t)
	r.address = r.says(t, "ready")
	u, err := url.Parse(r.address)
	if err != nil {
		t.Fatal(err)
	}
	r.host = u.Host
	return r
}

// again starts it.
func (r *reborn) again(t *testing.T) {
	t.Helper()
	r.child = startChild(t, "server", envDir+"="+r.dir, envListen+"="+r.host)
}
