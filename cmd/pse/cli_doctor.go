package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/internal/certificate"
	"github.com/helios-h2020/pse/internal/child"
	"github.com/helios-h2020/pse/internal/disk"
)

type doctorCommand struct{}

// leastSpace is how much disk the logs should find at a start: the parts of a
// few streams over the window, and a week of events.
const leastSpace = 2 << 30

// A finding is one thing that was looked at; err says what is wrong with it.
type finding struct {
	what, seen string
	err        error
}

var errUnwell = errors.New("something here keeps PSE from working; see above")

// Run looks at everything and then says whether all is well.
func (doctorCommand) Run(s *scope) error {
	l, err := s.load()
	if err != nil {
		return err
	}
	all := []finding{
		lookForFFmpeg(s.ctx, l.Transcode.FFmpeg, l.Transcode.Encoder),
		lookAtDisk(l.Data),
		lookAtFiles(),
		lookAtCertificate(l.Config),
	}
	if _, err := os.Stat(busFile(l.Data)); err == nil {
		all = append(all, finding{what: "ports", seen: "in use by the pse serve of " + l.Data})
	} else {
		all = append(all, lookAtPorts(l.Config)...)
	}
	bad := false
	for _, f := range all {
		mark := "ok "
		if f.err != nil {
			mark, f.seen, bad = "BAD", strings.ReplaceAll(f.err.Error(), "\n", "; "), true
		}
		fmt.Fprintf(s.out, "%s  %-16s %s\n", mark, f.what, f.seen)
	}
	if bad {
		return errUnwell
	}
	return nil
}

// lookForFFmpeg asks ffmpeg for the encoder that the ladder uses.
func lookForFFmpeg(ctx context.Context, name, encoder string) finding {
	f := finding{what: "ffmpeg"}
	path, err := exec.LookPath(name)
	if err != nil {
		f.err = fmt.Errorf("%w; install it: apt-get install ffmpeg", err)
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var out strings.Builder
	err = child.Command{Program: path, Args: []string{"-hide_banner", "-h", "encoder=" + encoder}, Stdout: &out, Stderr: &out}.Run(ctx)
	if err != nil || !strings.Contains(out.String(), "Encoder "+encoder) {
		f.err = fmt.Errorf("%s has no %s; install one that has it (Debian's has libx264: apt-get install ffmpeg), or set transcode.encoder", path, encoder)
		return f
	}
	f.seen = path + ", with " + encoder
	return f
}

// lookAtDisk asks for the space where the data directory is or will be.
func lookAtDisk(dir string) finding {
	f := finding{what: "disk"}
	at := dir
	for {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	space, err := disk.Look(at)
	if err != nil {
		f.err = err
		return f
	}
	f.seen = fmt.Sprintf("%.1f GiB free for %s", float64(space.Free)/(1<<30), dir)
	if space.Free < leastSpace {
		f.err = fmt.Errorf("%s; at least %d GiB are wanted: give another directory with --data, or lower bus.hls_bytes", f.seen, leastSpace>>30)
	}
	if unix.Access(at, unix.W_OK) != nil {
		f.err = fmt.Errorf("%s cannot be written; give another directory with --data", at)
	}
	return f
}

// lookAtFiles asks how many connections a process may hold; Go raises the soft
// limit to the hard one by itself.
func lookAtFiles() finding {
	f := finding{what: "open files"}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		f.err = err
		return f
	}
	f.seen = fmt.Sprintf("up to %d", r.Max)
	if r.Max < 4096 {
		f.err = fmt.Errorf("only %d, about as many viewers; raise it: ulimit -Hn, or LimitNOFILE= in the systemd unit", r.Max)
	}
	return f
}

// lookAtCertificate asks whether devices will take the one that is given, or
// how long the private root of this box is good.
func lookAtCertificate(cfg Config) finding {
	f := finding{what: "certificate", seen: "a private one will be made"}
	c := newCertifier(cfg, zap.NewNop())
	if cfg.TLS.Cert == "" {
		if root, err := certificate.Look(c.dir); err == nil {
			f.seen = "of a private root, good until " + root.Until.UTC().Format(time.DateOnly)
		} else if !errors.Is(err, fs.ErrNotExist) {
			f.err = fmt.Errorf("the private root cannot be read: %w", err)
		}
		return f
	}
	if _, err := c.open(); err != nil {
		f.err = err
		return f
	}
	leaf := c.owners().Leaf(time.Now())
	f.seen = fmt.Sprintf("for %s, until %s", strings.Join(certificate.Of(leaf), ", "), leaf.NotAfter.UTC().Format(time.DateOnly))
	f.err = c.trouble(time.Now())
	return f
}

// lookAtUDP tries to bind a port of the relay.
func lookAtUDP(addr, with string) finding {
	f := finding{what: "relay port", seen: addr + "/udp is free"}
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		f.err = fmt.Errorf("%w; stop who uses it, or choose another with %s", err, with)
		return f
	}
	_ = c.Close()
	return f
}

// lookAtPorts tries to bind what pse serve would bind.
func lookAtPorts(cfg Config) []finding {
	type port struct{ what, addr, with string }
	ports := []port{{"http", cfg.HTTP.Listen, "--http"}, {"rtmp", cfg.Ingest.Listen, "--rtmp"}}
	if cfg.Ingest.TLSListen != "" {
		ports = append(ports, port{"rtmps", cfg.Ingest.TLSListen, "ingest.tls_listen"})
	}
	if cfg.HTTP.TLSListen != listenOff {
		ports = append(ports, port{"https", cfg.HTTP.TLSListen, "http.tls_listen"})
	}
	if cfg.Admin.Listen != listenOff {
		ports = append(ports, port{"admin", cfg.Admin.Listen, "--admin"})
	}
	var all []finding
	for _, l := range []struct{ list, with string }{{cfg.Turn.Listen, "--turn"}, {cfg.Turn.TLSListen, "turn.tls_listen"}} {
		for _, addr := range strings.FieldsFunc(l.list, func(r rune) bool { return r == ',' || r == ' ' }) {
			ports = append(ports, port{"relay", addr, l.with})
			all = append(all, lookAtUDP(addr, l.with))
		}
	}
	for _, p := range ports {
		f := finding{what: p.what + " port", seen: p.addr + " is free"}
		l, err := net.Listen("tcp", p.addr)
		if err != nil {
			f.err = fmt.Errorf("%w; stop who uses it, or choose another with %s", err, p.with)
		} else {
			_ = l.Close()
		}
		all = append(all, f)
	}
	return all
}
