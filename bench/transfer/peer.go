package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog"
)

// serveAs is this program as a server that PSE is compared with.
func serveAs(name, addr, dir string) error {
	h := http.Handler(&plain{dir: dir})
	if name == "tusd" {
		composer := handler.NewStoreComposer()
		filestore.New(dir).UseIn(composer)
		memorylocker.New().UseIn(composer)
		quiet := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
		t, err := handler.NewHandler(handler.Config{BasePath: "/files/", StoreComposer: composer, Logger: quiet})
		if err != nil {
			return err
		}
		h = http.StripPrefix("/files/", t)
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", h)
	return http.ListenAndServe(addr, mux)
}

// plain does of tus what a comparison needs, and no more.
type plain struct {
	dir  string
	made atomic.Int64
}

// ServeHTTP implements http.Handler.
func (p *plain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file := filepath.Join(p.dir, filepath.Base(r.URL.Path))
	switch r.Method {
	case http.MethodPost:
		w.Header().Set("Location", fmt.Sprintf("http://%s/files/%d", r.Host, p.made.Add(1)))
		w.WriteHeader(http.StatusCreated)
	case http.MethodPatch:
		n, err := p.append(file, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Upload-Offset", strconv.FormatInt(n, 10))
		w.WriteHeader(http.StatusNoContent)
	case http.MethodDelete:
		_ = os.Remove(file)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (p *plain) append(file string, r *http.Request) (int64, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(struct{ io.Writer }{f}, r.Body) // the buffers of io.Copy: 32 KiB
}
