package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
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
)

// hooksDir runs executables that are named after tusd's hooks, for those who
// have some. They get what those of tusd 1 and 2 get: TUS_ID, TUS_SIZE and
// TUS_OFFSET in the environment, JSON on standard input. One of the pre- kind
// vetoes by ending with another status than 0 (tusd 1), or by RejectUpload or
// RejectTermination in JSON on its standard output (tusd 2). Those of the post-
// kind are run once, when it has happened, and not again after a crash: for that
// there are events. post-receive is run while bytes come, about once a second
// and one at a time for each upload; StopUpload from it ends the upload and
// removes it. What happens by age asks nobody.
type hooksDir struct {
	dir     string // empty: there are none
	log     *zap.Logger
	timeout time.Duration // of those that are waited for
	slots   chan struct{}
	running sync.WaitGroup
}

func newHooksDir(dir string, timeout time.Duration, log *zap.Logger) *hooksDir {
	return &hooksDir{dir: dir, log: log, timeout: timeout, slots: make(chan struct{}, hooksAtOnce)}
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
// veto is a refusal.
func (h *hooksDir) ask(ctx context.Context, name string, u hookUpload) (map[string]string, error) {
	if h.dir == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	out, err := h.run(ctx, name, u)
	var exit *exec.ExitError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case errors.As(err, &exit):
		return nil, &refusal{http.StatusForbidden, "refused", "the hook " + name + " refused: " + firstLine(out)}
	case err != nil:
		h.log.Error("a hook cannot be run", zap.String("hook", name), zap.Error(err))
		return nil, errStorage
	}
	a := parseAnswer(out)
	if name == hookPreTerminate && a.RejectTermination || name != hookPreTerminate && a.RejectUpload {
		return nil, a.refusal(name)
	}
	return a.ChangeFileInfo.MetaData, nil
}

// parseAnswer reads what a hook said. Scripts for tusd 1 say what they like.
func parseAnswer(out []byte) hookAnswer {
	var a hookAnswer
	if json.Unmarshal(out, &a) != nil {
		return hookAnswer{}
	}
	return a
}

// refusal is that of a hook.
func (a hookAnswer) refusal(name string) *refusal {
	status := a.HTTPResponse.StatusCode
	if status < 400 || status > 599 {
		status = http.StatusBadRequest
	}
	return &refusal{status, "refused", "the hook " + name + " refused: " + firstLine([]byte(a.HTTPResponse.Body))}
}

// tell runs a hook of the post- kind; nobody waits for it. heard gets what it
// says, nothing when it failed; it may be nil.
func (h *hooksDir) tell(ctx context.Context, name string, u hookUpload, heard func(hookAnswer)) {
	if h.dir == "" {
		return
	}
	h.running.Go(func() {
		select {
		case h.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-h.slots }()
		out, err := h.run(ctx, name, u)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			h.log.Warn("a hook failed", zap.String("hook", name), zap.String("said", firstLine(out)), zap.Error(err))
			out = nil
		}
		if heard != nil {
			heard(parseAnswer(out))
		}
	})
}

func (h *hooksDir) run(ctx context.Context, name string, u hookUpload) ([]byte, error) {
	q := hookQuestion{Type: name, Upload: u}
	q.Event.Upload = u
	in, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("run hook %s: %w", name, err)
	}
	file, err := filepath.Abs(filepath.Join(h.dir, name))
	if err != nil {
		return nil, fmt.Errorf("run hook %s: %w", name, err)
	}
	out := &limited{left: hookOutput}
	cmd := exec.CommandContext(ctx, file)
	cmd.Dir, cmd.Stdin, cmd.Stdout = h.dir, bytes.NewReader(in), out
	cmd.WaitDelay = time.Second // its children may hold what it writes to
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"TUS_ID=" + u.ID, "TUS_SIZE=" + strconv.FormatInt(u.Size, 10), "TUS_OFFSET=" + strconv.FormatInt(u.Offset, 10),
	}
	err = cmd.Run()
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

// hookUploadOf is an upload as hooks see it.
func (w *Worker) hookUploadOf(i *info, offset int64) hookUpload {
	_, storage := w.store.where(i)
	return hookUpload{
		ID: i.Name, Size: max(0, i.Size), SizeIsDeferred: i.Size < 0, Offset: offset, MetaData: i.Meta,
		IsPartial: i.Partial, IsFinal: i.Final, PartialUploads: i.Parts,
		Storage: storage,
	}
}
