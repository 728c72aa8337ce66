package transfer

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
	hookPreCreate     = "pre-create"
	hookPostCreate    = "post-create"
	hookPostReceive   = "post-receive"
	hookPreFinish     = "pre-finish"
	hookPostFinish    = "post-finish"
	hookPreTerminate  = "pre-terminate"
	hookPostTerminate = "post-terminate"
)

const (
	hookOutput  = 64 << 10 // of an answer, in bytes
	hooksAtOnce = 4        // of those that nobody waits for

	statusNotRun = 126 // and more: the shell could not run it (126, 127), or it was killed
)

// hooksDir runs executables that are named after tusd's hooks, for those who
// have some. They get what those of tusd 1 and 2 get: TUS_ID, TUS_SIZE and
// TUS_OFFSET in the environment, JSON on standard input. One of the pre- kind
// vetoes by ending with a status from 1 to 125 (tusd 1), or by RejectUpload or
// RejectTermination in JSON on its standard output (tusd 2). One that was
// killed, took too long or could not be run (126 and more, as shells have it)
// has said nothing: it is asked again. None of them ends with the connection
// of who sends, all do with the worker. Those of the post-
// kind are run once, when it has happened, and not again after a crash: for that
// there are events. post-receive is run while bytes come, about once a second
// and one at a time for each upload; StopUpload from it ends the upload and
// removes it. What happens by age asks nobody.
type hooksDir struct {
	living  context.Context                  // ends with the worker
	locate  func(*store.Info) store.Location // where their data is
	dir     string                           // empty: there are none
	log     *zap.Logger
	timeout time.Duration // of those that are waited for
	slots   chan struct{}
	running sync.WaitGroup
}

// newHooksDir has hooks run until living ends, of uploads that are where locate says.
func newHooksDir(living context.Context, dir string, timeout time.Duration, locate func(*store.Info) store.Location, log *zap.Logger) *hooksDir {
	return &hooksDir{living: living, dir: dir, locate: locate, log: log, timeout: timeout, slots: make(chan struct{}, hooksAtOnce)}
}

// hookUpload is tusd's FileInfo in JSON.
type hookUpload struct {
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

// hookQuestion has what tusd 2 says, and beside it what tusd 1 says.
type hookQuestion struct {
	Type  string
	Event struct{ Upload hookUpload }

	Upload hookUpload
}

// hookAnswer is tusd 2's HookResponse.
type hookAnswer struct {
	HTTPResponse struct {
		StatusCode int
		Body       string
	}
	RejectUpload      bool
	RejectTermination bool
	StopUpload        bool
	ChangeFileInfo    struct{ MetaData map[string]string }
}

// ask runs a hook of the pre- kind. It may come back with other metadata; a
// veto is a statusError, and so is that there is no verdict (errUnchecked).
func (h *hooksDir) ask(name string, u hookUpload) (map[string]string, error) {
	file, err := h.find(name)
	if err == nil && file == "" {
		return nil, nil
	}
	var out []byte
	if err == nil {
		ctx, cancel := context.WithTimeout(h.living, h.timeout)
		defer cancel()
		out, err = h.run(ctx, file, name, u)
	}
	switch {
	case isVeto(err):
		return nil, &statusError{http.StatusForbidden, codeRefused, "the hook " + name + " refused: " + firstLine(out)}
	case err != nil:
		h.log.Error("a hook gave no verdict", zap.String("hook", name), zap.String("said", firstLine(out)), zap.Error(err))
		return nil, errUnchecked
	}
	a := parseAnswer(out)
	if name == hookPreTerminate && a.RejectTermination || name != hookPreTerminate && a.RejectUpload {
		return nil, a.statusError(name)
	}
	return a.ChangeFileInfo.MetaData, nil
}

// find is where a hook is; empty: there is none. A directory that is away has
// not said that there is none.
func (h *hooksDir) find(name string) (string, error) {
	if h.dir == "" {
		return "", nil
	}
	file, err := filepath.Abs(filepath.Join(h.dir, name))
	if err == nil {
		_, err = os.Stat(file)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = os.Stat(h.dir); err == nil {
			return "", nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("find hook %s: %w", name, err)
	}
	return file, nil
}

// isVeto says whether a hook ended as one does that does not want something.
func isVeto(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Exited() && exit.ExitCode() < statusNotRun
}

// parseAnswer reads what a hook said. Scripts for tusd 1 say what they like.
func parseAnswer(out []byte) hookAnswer {
	var a hookAnswer
	if json.Unmarshal(out, &a) != nil {
		return hookAnswer{}
	}
	return a
}

// statusError is that of a hook.
func (a hookAnswer) statusError(name string) *statusError {
	status := a.HTTPResponse.StatusCode
	if status < 400 || status > 599 {
		status = http.StatusBadRequest
	}
	return &statusError{status, codeRefused, "the hook " + name + " refused: " + firstLine([]byte(a.HTTPResponse.Body))}
}

// tell runs a hook of the post- kind; nobody waits for it. heard gets what it
// says, nothing when it failed; it may be nil.
func (h *hooksDir) tell(name string, u hookUpload, heard func(hookAnswer)) {
	if h.dir == "" {
		return
	}
	h.running.Go(func() {
		select {
		case h.slots <- struct{}{}:
		case <-h.living.Done():
			return
		}
		defer func() { <-h.slots }()
		var out []byte
		file, err := h.find(name)
		if err == nil && file != "" {
			out, err = h.run(h.living, file, name, u)
		}
		if err != nil {
			h.log.Warn("a hook failed", zap.String("hook", name), zap.String("said", firstLine(out)), zap.Error(err))
			out = nil
		}
		if heard != nil {
			heard(parseAnswer(out))
		}
	})
}

// run runs a hook, and what that runs: all of it ends with ctx.
func (h *hooksDir) run(ctx context.Context, file, name string, u hookUpload) ([]byte, error) {
	q := hookQuestion{Type: name, Upload: u}
	q.Event.Upload = u
	in, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("run hook %s: %w", name, err)
	}
	out := &limited{left: hookOutput}
	cmd := exec.CommandContext(ctx, file)
	cmd.Dir, cmd.Stdin, cmd.Stdout = h.dir, bytes.NewReader(in), out
	cmd.WaitDelay = time.Second // its children may hold what it writes to
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
		err = nil // it ended well, and left somebody behind who goes on
	}
	return out.b, err
}

// limited keeps the beginning of what is written.
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

// firstLine is what of a hook's words is passed on to people.
func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.ToValidUTF8(line[:min(len(line), 200)], nil))
}

// upload is an upload as hooks see it.
func (h *hooksDir) upload(i *store.Info, offset int64) hookUpload {
	return hookUpload{
		ID: i.Name, Size: max(0, i.Size), SizeIsDeferred: i.Size < 0, Offset: offset, MetaData: i.Meta,
		IsPartial: i.Partial, IsFinal: i.Final, PartialUploads: i.Parts,
		Storage: storageOf(h.locate(i)),
	}
}

// storageOf says where an upload is as tusd does.
func storageOf(l store.Location) map[string]string {
	if l.Path != "" {
		return map[string]string{"Type": "filestore", "Path": l.Path}
	}
	return map[string]string{"Type": "s3store", "Bucket": l.Bucket, "Key": l.Key}
}
