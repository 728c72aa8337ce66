package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// built names the program for those who have one of these sources.
const built = "TEST_PSE"

// Build builds the program into dir and returns its path. Where scripts/test.sh has
// built it for the tests of all packages, it is that.
func Build(ctx context.Context, dir string) (string, error) {
	if bin := os.Getenv(built); bin != "" {
		return bin, nil
	}
	return BuildPackage(ctx, dir, "github.com/helios-h2020/pse/cmd/pse")
}

// BuildPackage builds a program of ours, or one that go.mod names as a tool, into
// dir and returns its path.
func BuildPackage(ctx context.Context, dir, pkg string) (string, error) {
	bin := filepath.Join(dir, path.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", path.Base(pkg), err, out)
	}
	return bin, nil
}

// PSE is a running `pse serve`.
type PSE struct {
	*Process
	HTTP, RTMP, Admin string // host:port
	log               string
}

// PSEOptions say what to serve. Empty addresses are free ports of the loopback.
type PSEOptions struct {
	Bin     string
	Data    string   // its data directory
	Name    string   // of its log file, <Name>.log in Data; "pse"
	Workers []string // none: all
	Keyed   bool     // publishing and sending need a key
	Demo    bool     // publish the generated picture as stream "demo"
	Bus     string   // the address of a bus elsewhere
	HTTP    string
	RTMP    string
	Admin   string
	Set     []string // KEY=VALUE of the configuration
	Env     []string
	CPU     int // the core to stay on; -1: any
	Files   int // descriptors that it may have; 0: as many as we
}

// StartPSE starts `pse serve`, open unless it is to be keyed, and waits until it says that it is ready.
func StartPSE(ctx context.Context, o PSEOptions) (*PSE, error) {
	p, err := LaunchPSE(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// LaunchPSE is StartPSE that does not wait.
func LaunchPSE(ctx context.Context, o PSEOptions) (*PSE, error) {
	for _, a := range []*string{&o.HTTP, &o.RTMP, &o.Admin} {
		if *a == "" {
			port, err := FreePort()
			if err != nil {
				return nil, err
			}
			*a = fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	if o.Name == "" {
		o.Name = "pse"
	}
	args := []string{"--data", o.Data}
	if o.Bus != "" {
		args = append(args, "--bus", o.Bus)
	}
	if !slices.ContainsFunc(o.Set, func(kv string) bool { return strings.HasPrefix(kv, "http.tls_listen=") }) {
		args = append(args, "--set", "http.tls_listen=127.0.0.1:0")
	}
	for _, kv := range append([]string{"turn.listen=127.0.0.1:0", "turn.tls_listen=127.0.0.1:0", "turn.drain=0s"}, o.Set...) { // the last counts
		args = append(args, "--set", kv)
	}
	args = append(args, "serve", "--http", o.HTTP, "--rtmp", o.RTMP, "--admin", o.Admin)
	if !o.Keyed {
		args = append(args, "--open")
	}
	if o.Demo {
		args = append(args, "--demo")
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, fmt.Errorf("start pse: %w", err)
	}
	p := &PSE{HTTP: o.HTTP, RTMP: o.RTMP, Admin: o.Admin, log: filepath.Join(o.Data, o.Name+".log")}
	var err error
	if p.Process, err = Start(ctx, Options{CPU: o.CPU, Env: append([]string{"PSE_ADMIN_PPROF=true"}, o.Env...), Files: o.Files, Log: p.log}, o.Bin, append(args, o.Workers...)...); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *PSE) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		r, err := http.Get("http://" + p.Admin + "/readyz")
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			return fmt.Errorf("pse ended: %s", Tail(p.log))
		case <-ctx.Done():
			return fmt.Errorf("pse is not ready: %w: %s", ctx.Err(), Tail(p.log))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Profile keeps a CPU profile of the next seconds in a file.
func (p *PSE) Profile(ctx context.Context, seconds int, file string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.Admin, seconds), nil)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer r.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	_, err = io.Copy(f, r.Body)
	return errors.Join(err, f.Close())
}

// Said is the end of its log.
func (p *PSE) Said() string { return Tail(p.log) }

// Hangs ends a program when its admin listener cannot tell its metrics, as when a
// part of it hangs, and returns what its goroutines waited for; empty: it can.
func (p *PSE) Hangs(ctx context.Context) (stacks string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Admin+"/metrics", nil)
	if err != nil {
		return err.Error()
	}
	if r, err := http.DefaultClient.Do(req); err == nil {
		_, err = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if err == nil && r.StatusCode == http.StatusOK {
			return ""
		}
	}
	select {
	case <-p.done:
		return ""
	default:
	}
	before := len(p.said())
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second): // it cannot even do that
	}
	return p.said()[before:]
}

func (p *PSE) said() string {
	b, _ := os.ReadFile(p.log)
	return string(b)
}

// BusURL is the address of the bus that runs with this data directory.
func BusURL(data string) (string, error) {
	b, err := os.ReadFile(filepath.Join(data, "bus.url"))
	if err != nil {
		return "", fmt.Errorf("find the bus: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
