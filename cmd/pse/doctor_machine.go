package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// leastSpace is how much disk the logs should find at a start: the parts of a
// few streams over the window, and a week of events.
const leastSpace = 2 << 30

// lookForFFmpeg asks ffmpeg for the encoder that the ladder uses.
func lookForFFmpeg(ctx context.Context, name, encoder string) finding {
	const what = "ffmpeg"
	path, err := exec.LookPath(name)
	if err != nil {
		return failed(what, err.Error(), "install it: apt-get install ffmpeg; or name it by transcode.ffmpeg")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var out strings.Builder
	err = child.Command{Program: path, Args: []string{"-hide_banner", "-h", "encoder=" + encoder}, Stdout: &out, Stderr: &out}.Run(ctx)
	if err != nil || !strings.Contains(out.String(), "Encoder "+encoder) {
		return failed(what, path+" has no "+encoder, "install one that has it (Debian's has libx264: apt-get install ffmpeg), or set transcode.encoder")
	}
	return well(what, path+", with "+encoder)
}

// lookAtData asks whether things can be kept in the data directory; one that is
// not there yet will be made.
func lookAtData(dir string) finding {
	const name = "data"
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := tryFile(nearest(dir)); err != nil {
			return failed(name, fmt.Sprintf("the data directory %s cannot be made by user %s: %v", dir, userName(os.Geteuid()), err), "give another with --data DIR")
		}
		return well(name, dir+" will be made")
	case err != nil:
		return failed(name, err.Error(), "run pse as the directory's owner, or give another with --data DIR")
	case info.IsDir():
		err = keeps(dir)
	default:
		err = makeDataDir(dir) // says why not
	}
	if err != nil {
		return failedBy(name, err, "give another with --data DIR")
	}
	if others(dir) {
		return warned(name, fmt.Sprintf("%s can be written, but belongs to user %s, and this is user %s", dir, ownerOf(dir), userName(os.Geteuid())), "run pse serve as its owner, who may else not be able to use what is written")
	}
	return well(name, dir)
}

// nearest is a directory, or the one in which it will be made.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// lookAtDisk asks for the space where the data directory is or will be.
func lookAtDisk(cfg Config) finding {
	const name = "disk"
	at := nearest(cfg.Data)
	space, err := disk.Look(at)
	if err != nil {
		return failed(name, err.Error(), "give another directory with --data")
	}
	if err := cfg.Bus.floor(at).Short(0); err != nil {
		return failed(name, err.Error()+": no stream may begin", "delete something, or give another directory with --data")
	}
	text := fmt.Sprintf("%.1f GiB free for %s", float64(space.Free)/(1<<30), cfg.Data)
	if space.Free < leastSpace {
		return warned(name, fmt.Sprintf("%s; at least %d GiB are wanted", text, leastSpace>>30), "make room, give another directory with --data, or lower bus.hls_bytes")
	}
	return well(name, text)
}

// lookAtFilesDisk asks for the space of files that are kept elsewhere.
func lookAtFilesDisk(cfg Config) finding {
	const name = "disk of files"
	floor := cfg.Transfer.Floor()
	floor.Path = nearest(floor.Path)
	if err := floor.Short(0); err != nil {
		return failed(name, err.Error()+": no file is taken", "delete some, or give another directory by transfer.dir")
	}
	space, err := disk.Look(floor.Path)
	if err != nil {
		return failed(name, err.Error(), "give another directory by transfer.dir")
	}
	return well(name, fmt.Sprintf("%.1f GiB free for %s", float64(space.Free)/(1<<30), cfg.Transfer.Dir))
}

// lookAtFiles asks how many connections a process may hold; Go raises the soft
// limit to the hard one by itself.
func lookAtFiles() finding {
	const name = "open files"
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return failed(name, err.Error(), "look at ulimit -Hn")
	}
	if r.Max < 4096 {
		return failed(name, fmt.Sprintf("only %d, about as many viewers", r.Max), "raise it: ulimit -Hn, or LimitNOFILE= in the systemd unit")
	}
	return well(name, fmt.Sprintf("up to %d", r.Max))
}

// lookAtCertificate asks whether devices will take the one that is given, or
// how long the private root of this box is good.
func lookAtCertificate(cfg Config) finding {
	const name = "certificate"
	c := newCertifier(cfg, zap.NewNop())
	if len(cfg.TLS.ACME.Names) > 0 {
		return lookAtACME(cfg, c.acmeDir())
	}
	if cfg.TLS.Cert == "" {
		root, err := certificate.Look(c.dir)
		switch {
		case err == nil:
			return well(name, "of a private root, good until "+root.Until.UTC().Format(time.DateOnly))
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
			return well(name, "a private one will be made")
		}
		return failed(name, "the private root cannot be read: "+err.Error(), "run pse doctor as the user who runs pse serve")
	}
	const next = "put good ones into the files of tls.cert and tls.key; they are read anew by themselves"
	if _, err := c.open(); err != nil {
		return failedBy(name, err, next)
	}
	if err := c.trouble(time.Now()); err != nil {
		return failedBy(name, err, next)
	}
	leaf := c.owners().Leaf(time.Now())
	return well(name, fmt.Sprintf("for %s, until %s", strings.Join(certificate.Of(leaf), ", "), leaf.NotAfter.UTC().Format(time.DateOnly)))
}

// lookAtACME asks what became of the certificates by ACME.
func lookAtACME(cfg Config, dir string) finding {
	const name, next = "certificate", "until it is mended the box shows its private certificate; README, Ports"
	how, err := cfg.acme()
	if err != nil {
		return failedBy(name, err, "correct tls.acme")
	}
	states, err := certificate.LookACME(dir, how)
	if err != nil {
		return failedBy(name, err, "run pse doctor as the user who runs pse serve")
	}
	var seen []string
	var wrong []error
	for _, s := range states {
		seen = append(seen, s.String())
		if s.Leaf != nil || s.Failed != "" { // else it is yet to be asked for
			wrong = append(wrong, s.Trouble(time.Now()))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return failedBy(name, err, next)
	}
	return well(name, strings.Join(seen, "; "))
}
