// Package filehook runs executables that are named after tusd's hooks, as tusd's file
// hooks are, for installations that have some.
//
// They get what those of tusd 1 and 2 get: TUS_ID, TUS_SIZE and TUS_OFFSET in the
// environment, JSON on standard input. A pre- hook vetoes by an exit status from 1 to
// 125 (tusd 1), or by RejectUpload or RejectTermination in JSON on its standard output
// (tusd 2). A hook that was killed, took too long or could not be run (126 and more,
// as shells have it) gave no verdict: it is asked again. Hooks do not end with the
// sender's connection, but with the worker. A post- hook runs once, after the fact, and
// not again after a crash: for that there are events. post-receive runs while bytes
// come, about once a second and one at a time for each upload; StopUpload in its answer
// ends the upload and removes it. What expires asks no hook.
package filehook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
)

// Names of hooks, as tusd has them.
const (
	PreCreate     = "pre-create"     // before an upload is created
	PostCreate    = "post-create"    // when it is
	PostReceive   = "post-receive"   // while its bytes come
	PreFinish     = "pre-finish"     // when all its bytes are there, before it is a file
	PostFinish    = "post-finish"    // when it is
	PreTerminate  = "pre-terminate"  // before its sender removes it
	PostTerminate = "post-terminate" // when it is removed
)

const (
	maxOutput     = 64 << 10 // of an answer, in bytes
	maxConcurrent = 4        // post- hooks at once

	statusNotRun = 126 // and more: the shell could not run it (126, 127), or it was killed
)

// A Dir is a directory of hooks. It may be used by several goroutines at once.
type Dir struct {
	living  context.Context // ends with the worker
	path    string          // empty: there are no hooks
	timeout time.Duration   // of pre- hooks
	locate  func(*store.Info) store.Location
	log     *zap.Logger
	slots   chan struct{} // of post- hooks
	running sync.WaitGroup
}

// Open finds a directory of hooks; an empty path has none. They run until living ends,
// pre- hooks for no longer than timeout. locate says where an upload's data is.
func Open(living context.Context, path string, timeout time.Duration, locate func(*store.Info) store.Location, log *zap.Logger) (*Dir, error) {
	if path != "" {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("find transfer.hooks_dir: %w; make it, or leave it empty", err)
		}
	}
	return &Dir{living: living, path: path, timeout: timeout, locate: locate, log: log, slots: make(chan struct{}, maxConcurrent)}, nil
}

// Wait waits for all hooks to end, when living has ended.
func (d *Dir) Wait() { d.running.Wait() }

// An Upload is tusd's FileInfo in JSON.
type Upload struct {
	ID             string
	Size           int64
	SizeIsDeferred bool
	Offset         int64
	MetaData       map[string]string
	IsPartial      bool
	IsFinal        bool
	PartialUploads []string
	Storage        map[string]string
}

// request has what tusd 2 says, and beside it what tusd 1 says.
type request struct {
	Type  string
	Event struct{ Upload Upload }

	Upload Upload
}

// An Answer is tusd 2's HookResponse.
type Answer struct {
	HTTPResponse struct {
		StatusCode int
		Body       string
	}
	RejectUpload      bool
	RejectTermination bool
	StopUpload        bool
	ChangeFileInfo    struct{ MetaData map[string]string }
}

// Ask runs a pre- hook. It may come back with other metadata for the upload; without a
// hook nil. A veto is a *Refusal; ErrNoVerdict: it said neither yes nor no.
func (d *Dir) Ask(name string, u Upload) (map[string]string, error) {
	file, err := d.find(name)
	if err == nil && file == "" {
		return nil, nil
	}
	var out []byte
	if err == nil {
		ctx, cancel := context.WithTimeout(d.living, d.timeout)
		defer cancel()
		out, err = d.run(ctx, file, name, u)
	}
	switch {
	case isVeto(err):
		return nil, &Refusal{http.StatusForbidden, "the hook " + name + " refused: " + firstLine(out)}
	case err != nil:
		d.log.Error("a hook gave no verdict", zap.String("hook", name), zap.String("said", firstLine(out)), zap.Error(err))
		return nil, ErrNoVerdict
	}
	a := parseAnswer(out)
	if name == PreTerminate && a.RejectTermination || name != PreTerminate && a.RejectUpload {
		return nil, a.Refusal(name)
	}
	return a.ChangeFileInfo.MetaData, nil
}

// find is the path of a hook; empty: there is none. A directory that cannot be read
// is an error: it does not say that there is no hook.
func (d *Dir) find(name string) (string, error) {
	if d.path == "" {
		return "", nil
	}
	file, err := filepath.Abs(filepath.Join(d.path, name))
	if err == nil {
		_, err = os.Stat(file)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = os.Stat(d.path); err == nil {
			return "", nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("find hook %s: %w", name, err)
	}
	return file, nil
}

// isVeto says whether a hook ended with the exit status of a veto.
func isVeto(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Exited() && exit.ExitCode() < statusNotRun
}

// parseAnswer reads a hook's output. Scripts for tusd 1 print what they like.
func parseAnswer(out []byte) Answer {
	var a Answer
	if json.Unmarshal(out, &a) != nil {
		return Answer{}
	}
	return a
}

// Refusal is that of the hook of a name.
func (a Answer) Refusal(name string) *Refusal {
	status := a.HTTPResponse.StatusCode
	if status < 400 || status > 599 {
		status = http.StatusBadRequest
	}
	return &Refusal{status, "the hook " + name + " refused: " + firstLine([]byte(a.HTTPResponse.Body))}
}

// Notify starts a post- hook and does not wait for it. done is given its answer, an
// empty one when it failed; it may be nil.
func (d *Dir) Notify(name string, u Upload, done func(Answer)) {
	if d.path == "" {
		return
	}
	d.running.Go(func() {
		select {
		case d.slots <- struct{}{}:
		case <-d.living.Done():
			return
		}
		defer func() { <-d.slots }()
		var out []byte
		file, err := d.find(name)
		if err == nil && file != "" {
			out, err = d.run(d.living, file, name, u)
		}
		if err != nil {
			d.log.Warn("a hook failed", zap.String("hook", name), zap.String("said", firstLine(out)), zap.Error(err))
			out = nil
		}
		if done != nil {
			done(parseAnswer(out))
		}
	})
}

// run runs a hook in a process group of its own, all of which ends with ctx.
func (d *Dir) run(ctx context.Context, file, name string, u Upload) ([]byte, error) {
	q := request{Type: name, Upload: u}
	q.Event.Upload = u
	in, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("run hook %s: %w", name, err)
	}
	out := &limited{left: maxOutput}
	cmd := exec.CommandContext(ctx, file)
	cmd.Dir, cmd.Stdin, cmd.Stdout = d.path, bytes.NewReader(in), out
	cmd.WaitDelay = time.Second // its children may hold its output open
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		if syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) != nil {
			return os.ErrProcessDone
		}
		return nil
	}
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"TUS_ID=" + u.ID, "TUS_SIZE=" + strconv.FormatInt(u.Size, 10), "TUS_OFFSET=" + strconv.FormatInt(u.Offset, 10),
	}
	if err = cmd.Run(); errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well, and left a child behind that holds its output
	}
	return out.b, err
}

// limited keeps the first bytes that are written.
type limited struct {
	b    []byte
	left int
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.b, l.left = append(l.b, b[:n]...), l.left-n
	return len(b), nil
}

// firstLine is what of a hook's output is passed on to people.
func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.ToValidUTF8(line[:min(len(line), 200)], nil))
}

// Upload is an upload as hooks see it, if there are any; offset is how many bytes of it are there.
func (d *Dir) Upload(i *store.Info, offset int64) Upload {
	if d.path == "" {
		return Upload{}
	}
	return Upload{
		ID: i.Name, Size: max(0, i.Size), SizeIsDeferred: i.Size < 0, Offset: offset, MetaData: i.Meta,
		IsPartial: i.Partial, IsFinal: i.Final, PartialUploads: i.Parts,
		Storage: storageOf(d.locate(i)),
	}
}

// storageOf says in tusd's words where an upload is.
func storageOf(l store.Location) map[string]string {
	if l.Path != "" {
		return map[string]string{"Type": "filestore", "Path": l.Path}
	}
	return map[string]string{"Type": "s3store", "Bucket": l.Bucket, "Key": l.Key}
}
