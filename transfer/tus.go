package transfer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"go.uber.org/zap"
	"golang.org/x/exp/slog"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
)

// filesRoot is the path of uploads and files.
const filesRoot = "/files/"

// tusVersion is the version of tus that is spoken.
const tusVersion = "1.0.0"

// extensions are the tus extensions, of tusd and ours.
const extensions = "creation,creation-with-upload,creation-defer-length,termination,concatenation,checksum,expiration"

// exposed are the headers that pages of other origins may read (CORS).
const exposed = "Upload-Offset, Upload-Length, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Complete, Upload-Incomplete, Upload-Expires, " +
	"Upload-Draft-Interop-Version, Upload-Limit, Upload-Read-Link, Location, Tus-Version, Tus-Resumable, Tus-Max-Size, Tus-Extension, Tus-Checksum-Algorithm, " +
	"Content-Disposition, Content-Range, ETag, Accept-Ranges"

// newTus makes tusd's handler over our uploads: tusd reads and writes the protocol, all
// else is ours.
func newTus(t *tus, cfg Config, log *zap.Logger) (http.Handler, error) {
	c := handler.NewStoreComposer()
	c.UseCore(t)
	c.UseLocker(t)
	c.UseTerminater(t)
	c.UseConcater(t)
	c.UseLengthDeferrer(t)
	cors := handler.DefaultCorsConfig
	cors.AllowHeaders += ", Upload-Checksum"
	cors.ExposeHeaders = exposed
	if len(cfg.Origins) > 0 {
		quoted := make([]string, len(cfg.Origins))
		for i, o := range cfg.Origins {
			quoted[i] = regexp.QuoteMeta(o)
		}
		cors.AllowOrigin = regexp.MustCompile("^(" + strings.Join(quoted, "|") + ")$")
	}
	h, err := handler.NewHandler(handler.Config{
		StoreComposer: c, MaxSize: cfg.MaxSize, BasePath: filesRoot, Cors: &cors,
		EnableExperimentalProtocol: true, DisableDownload: true,
		RespectForwardedHeaders: true, // the program has removed those of untrusted clients
		Logger:                  slog.New(tusLog{log}),
		PreUploadCreateCallback: t.preCreate, PreUploadTerminateCallback: t.preTerminate,
		AcquireLockTimeout: cfg.LockWait, GracefulRequestCompletionTimeout: 5 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return http.StripPrefix(strings.TrimSuffix(filesRoot, "/"), h), nil
}

// tus implements tusd's data store and locker.
type tus struct {
	store   *store.Store
	rights  *rights
	locks   *uploadLocks
	uploads *uploads
	retries *retryQueue
}

// preCreate asks the hooks whether an upload may be created, and with which metadata.
func (t *tus) preCreate(e handler.HookEvent) (handler.HTTPResponse, handler.FileInfoChanges, error) {
	if e.Upload.IsPartial {
		return handler.HTTPResponse{}, handler.FileInfoChanges{}, nil // hooks are asked about the final upload
	}
	meta, err := t.uploads.approval.mayCreate(bus.UploadHook{
		Name: fileName(e.Upload.MetaData), Size: sizeOf(e.Upload), Metadata: e.Upload.MetaData, Owner: requestOf(e.Context).owner,
		Addr: e.HTTPRequest.RemoteAddr, Client: e.HTTPRequest.Header.Get("User-Agent"),
	})
	return handler.HTTPResponse{}, handler.FileInfoChanges{MetaData: meta}, tusError(err)
}

// preTerminate asks the hooks whether an upload may be removed.
func (t *tus) preTerminate(e handler.HookEvent) (handler.HTTPResponse, error) {
	name, _, _ := store.ParseID(e.Upload.ID)
	i, err := t.store.Info(name)
	if err == nil {
		err = t.uploads.approval.mayRemove(i, e.Upload.Offset)
	}
	return handler.HTTPResponse{}, tusError(err)
}

func sizeOf(i handler.FileInfo) int64 {
	if i.SizeIsDeferred {
		return -1
	}
	return i.Size
}

// NewUpload implements handler.DataStore.
func (t *tus) NewUpload(ctx context.Context, f handler.FileInfo) (handler.Upload, error) {
	if f.Size < 0 { // which tusd lets through of the draft
		return nil, handler.ErrInvalidUploadLength
	}
	i := &store.Info{Size: sizeOf(f), Meta: f.MetaData, Partial: f.IsPartial, Final: f.IsFinal, Parts: f.PartialUploads, Owner: requestOf(ctx).owner}
	link, err := t.uploads.create(i)
	if err != nil {
		return nil, tusError(err)
	}
	q := requestOf(ctx)
	q.made, q.link = i, link
	return &tusUpload{t: t, name: i.Name}, nil
}

// GetUpload implements handler.DataStore.
func (t *tus) GetUpload(_ context.Context, id string) (handler.Upload, error) {
	name, err := t.rights.writable(id)
	if err != nil {
		return nil, tusError(err)
	}
	return &tusUpload{t: t, name: name}, nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (*tus) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload { return u.(*tusUpload) }

// AsConcatableUpload implements handler.ConcaterDataStore.
func (*tus) AsConcatableUpload(u handler.Upload) handler.ConcatableUpload { return u.(*tusUpload) }

// AsLengthDeclarableUpload implements handler.LengthDeferrerDataStore.
func (*tus) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*tusUpload)
}

// NewLock implements handler.Locker.
func (t *tus) NewLock(id string) (handler.Lock, error) {
	name, err := t.rights.writable(id)
	if err != nil {
		return nil, tusError(err)
	}
	return &tusLock{t: t, name: name}, nil
}

// tusLock is an upload's lock, for one request.
type tusLock struct {
	t       *tus
	name    string
	request *request
}

// Lock implements handler.Lock.
func (l *tusLock) Lock(ctx context.Context, _ func()) error {
	l.request = requestOf(ctx)
	w, err := l.t.locks.acquire(ctx, l.name, l.request.interrupt)
	if err != nil {
		return tusError(err)
	}
	l.request.name, l.request.w, l.request.wasComplete = l.name, w, w.Info().Complete()
	return nil
}

// Unlock implements handler.Lock.
func (l *tusLock) Unlock() error {
	if wr := l.request.w; wr.Whole() && !wr.Info().Complete() {
		l.t.retries.put(l.name) // interrupted after its last byte and before it was complete; its sender need not come again
	}
	l.request.finished()
	l.t.locks.release(l.name)
	return nil
}

// tusUpload is an upload in one request of tusd's. Methods that need the writer use the
// one that the request has locked, or lock it themselves.
type tusUpload struct {
	t    *tus
	name string
}

// withWriter calls f with the upload's writer.
func (u *tusUpload) withWriter(ctx context.Context, f func(*writer) error) error {
	if w := requestOf(ctx).writer(u.name); w != nil {
		return tusError(f(w))
	}
	w, err := u.t.locks.acquire(ctx, u.name, nil)
	if err != nil {
		return tusError(err)
	}
	defer u.t.locks.release(u.name)
	return tusError(f(w))
}

// GetInfo implements handler.Upload.
func (u *tusUpload) GetInfo(ctx context.Context) (handler.FileInfo, error) {
	q := requestOf(ctx)
	if w := q.writer(u.name); w != nil {
		return tusInfo(w.Info(), w.Offset()), nil
	}
	if q.made != nil && q.made.Name == u.name {
		return tusInfo(q.made, 0), nil
	}
	i, err := u.t.store.Info(u.name) // a partial upload that is being concatenated, which is complete
	if err != nil {
		return handler.FileInfo{}, tusError(err)
	}
	offset, err := u.t.store.Offset(i)
	return tusInfo(i, offset), tusError(err)
}

func tusInfo(i *store.Info, offset int64) handler.FileInfo {
	return handler.FileInfo{
		ID: i.Name + "-" + i.Key, Size: max(0, i.Size), SizeIsDeferred: i.Size < 0, Offset: offset, MetaData: i.Meta,
		IsPartial: i.Partial, IsFinal: i.Final, PartialUploads: i.Parts,
	}
}

// WriteChunk implements handler.Upload.
func (u *tusUpload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (n int64, err error) {
	err = u.withWriter(ctx, func(w *writer) error {
		if offset != w.Offset() { // cannot be: the lock is held since tusd compared offsets
			return store.ErrFailed
		}
		if q := requestOf(ctx); q.rest >= 0 && w.Info().Size >= 0 && offset+q.rest != w.Info().Size {
			q.badLength = true
			return errLength
		}
		n, err = u.t.uploads.receive(w, src, requestOf(ctx).sum, requestOf(ctx).stop)
		return err
	})
	return n, err
}

// DeclareLength implements handler.LengthDeclarableUpload.
func (u *tusUpload) DeclareLength(ctx context.Context, length int64) error {
	return u.withWriter(ctx, func(w *writer) error { return u.t.uploads.declare(w, length) })
}

// FinishUpload implements handler.Upload.
func (u *tusUpload) FinishUpload(ctx context.Context) error {
	return u.withWriter(ctx, func(w *writer) error {
		err := u.t.uploads.finish(w)
		if err != nil {
			u.t.retries.put(u.name) // the sender need not come again
		}
		return err
	})
}

// ConcatUploads implements handler.ConcatableUpload.
func (u *tusUpload) ConcatUploads(ctx context.Context, parts []handler.Upload) error {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.(*tusUpload).name
	}
	return u.withWriter(ctx, func(w *writer) error { return u.t.uploads.concat(ctx, w, names) })
}

// Terminate implements handler.TerminatableUpload.
func (u *tusUpload) Terminate(ctx context.Context) error {
	why := store.RemovedBySender
	if requestOf(ctx).stopReason.Load() != nil {
		why = store.RemovedByHook
	}
	return u.withWriter(ctx, func(w *writer) error { return u.t.uploads.remove(w, why) })
}

// GetReader implements handler.Upload. Downloads are our own.
func (u *tusUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}

// tusError makes an error that tusd answers with as we would: see asStatusError.
func tusError(err error) error {
	if err == nil {
		return nil
	}
	var already handler.Error
	if errors.As(err, &already) {
		return err
	}
	r := asStatusError(err)
	return handler.NewError("ERR_"+strings.ToUpper(r.code), r.text, r.status)
}

// interrupted is the error of a request that had to end before its body did: a hook
// stopped the upload (at ErrUploadStoppedByServer tusd terminates it), the worker stops,
// or another request came.
func interrupted(stopped *statusError, stopping bool) error {
	switch {
	case stopped != nil:
		e := handler.ErrUploadStoppedByServer
		e.HTTPResponse = e.HTTPResponse.MergeWith(handler.HTTPResponse{StatusCode: stopped.status, Body: stopped.text})
		return e
	case stopping:
		return handler.ErrServerShutdown
	}
	return tusError(errCutShort) // tusd's own is 400, after which no client tries again
}

// tusLog passes on tusd's log lines of level error; a client that disconnects
// (BodyReadError) is logged at debug.
type tusLog struct{ log *zap.Logger }

// Enabled implements slog.Handler.
func (tusLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

// Handle implements slog.Handler.
func (t tusLog) Handle(_ context.Context, r slog.Record) error {
	level := zap.ErrorLevel
	if r.Message == "BodyReadError" {
		level = zap.DebugLevel
	}
	if c := t.log.Check(level, "tus: "+r.Message); c != nil {
		var fields []zap.Field
		r.Attrs(func(a slog.Attr) bool {
			fields = append(fields, zap.String(a.Key, a.Value.String()))
			return true
		})
		c.Write(fields...)
	}
	return nil
}

// WithAttrs implements slog.Handler. It drops all attributes: a request's path contains
// its key.
func (t tusLog) WithAttrs([]slog.Attr) slog.Handler { return t }

// WithGroup implements slog.Handler.
func (t tusLog) WithGroup(string) slog.Handler { return t }
