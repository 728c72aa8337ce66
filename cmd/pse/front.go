package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/forwarded"
	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/internal/progress"
	"github.com/helios-h2020/pse/internal/socket"
)

// Limits of the public side. A request's header must come fast, so that slow
// senders hold little, and its body must keep coming (internal/progress); an
// answer may take answerTime, which is longer than the longest blocking
// playlist reload (3 target durations, 503 after that) and the slowest download
// of a segment that still plays. Handlers of longer transfers set their own
// deadline with http.ResponseController, and watch the body with their own patience.
const (
	headerTime     = 10 * time.Second
	bodyTime       = 30 * time.Second
	httpQuiet      = 10 * time.Second // a client that waits for something is not silent for so long, but for calls, whose pings may be rarer
	answerTime     = 2 * time.Minute
	idleTime       = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// A front is the public HTTP side: one mux for all workers of this process,
// made anew whenever a worker comes or goes. While one is missing, what
// nobody else answers is 503 and not 404: clients then try again.
type front struct {
	mux      atomic.Pointer[http.ServeMux]
	mounting sync.Mutex // held while mux is made: the last to be made has all that came before it
	log      *zap.Logger
	panics   prometheus.Counter

	patience time.Duration   // with bodies; bodyTime
	trust    forwarded.Trust // of proxies

	server  *http.Server
	conns   *limit.Connections // of all listeners
	clear   net.Listener
	secure  net.Listener // nil without HTTPS
	compat  []net.Listener
	serving sync.WaitGroup
}

// listen binds the listeners; nothing is answered before serve. Secure is the
// certificate; without it there is no HTTPS.
func (f *front) listen(cfg HTTPConfig, most limit.ConnectionsConfig, secure func(protocols ...string) *tls.Config, reg prometheus.Registerer, log *zap.Logger) error {
	f.log = log
	if f.patience == 0 {
		f.patience = bodyTime
	}
	f.panics = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pse_http_panics_total", Help: "Requests that ended in a panic; each is a bug.",
	})
	turned := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pse_http_rejected_connections_total", Help: "Connections closed at once, over a limit.",
	})
	most.Refused = turned.Inc
	f.conns = limit.NewConnections(most)
	reg.MustRegister(f.panics, turned, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pse_http_connections", Help: "Open connections on all ports of HTTP.",
	}, func() float64 { return float64(f.conns.Len()) }))
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	f.server = &http.Server{
		Handler: f, Protocols: &protocols,
		ReadHeaderTimeout: headerTime, WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 100, SendPingTimeout: answerTime / 4, PingTimeout: headerTime, WriteByteTimeout: answerTime},
		ErrorLog: stdlog.New(io.Discard, "", 0), // of handshakes that strangers left, mostly
	}
	var err error
	if f.clear, err = f.bind(cfg.Listen); err != nil {
		return fmt.Errorf("listen for HTTP: %w; choose another address with --http", err)
	}
	if secure == nil {
		return nil
	}
	raw, err := f.bind(cfg.TLSListen)
	if err != nil {
		f.clear.Close()
		return fmt.Errorf("listen for HTTPS: %w; choose another address with http.tls_listen", err)
	}
	f.secure = tls.NewListener(raw, secure("h2", "http/1.1"))
	return nil
}

// bind counts connections, and bounds what is not sent yet: a handler of a long answer sees when a
// slow receiver takes some of it.
func (f *front) bind(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return f.conns.Listen(socket.BoundUnsent(l)), nil
}

// serve answers until stop.
func (f *front) serve() {
	for _, l := range f.listeners() {
		f.serving.Go(func() {
			if err := f.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				f.log.Error("HTTP listener ended", zap.Error(err))
			}
		})
	}
}

// stop takes no more requests and gives the open ones until limit. Twice does
// no harm.
func (f *front) stop(limit time.Duration) {
	if f.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if f.server.Shutdown(ctx) != nil {
		_ = f.server.Close()
	}
	// Shutdown knows no listener that was never served.
	for _, l := range f.listeners() {
		_ = l.Close()
	}
	f.serving.Wait()
}

func (f *front) listeners() []net.Listener {
	all := append([]net.Listener{f.clear}, f.compat...)
	if f.secure != nil {
		all = append(all, f.secure)
	}
	return all
}

// mount makes the mux anew from the workers that run. Of several at once each
// begins after the one before it was put in place, or the workers that one saw
// could be missing for good.
func (f *front) mount(put func(*http.ServeMux) (whole bool)) {
	f.mounting.Lock()
	defer f.mounting.Unlock()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /robots.txt", robots)
	if whole := put(mux); !whole {
		mux.Handle("/", stillStarting)
	}
	f.mux.Store(mux)
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w, r, body := progress.Watch(w, r, f.patience, answerTime)
	defer body.Done()
	f.trust.Settle(r)
	mux := f.mux.Load()
	if mux == nil {
		stillStarting.ServeHTTP(w, r)
		return
	}
	defer f.recovered(r)
	if forPeople(r) {
		if _, pattern := mux.Handler(r); pattern == "" {
			notHere.ServeHTTP(w, r)
			return
		}
	}
	mux.ServeHTTP(w, r)
}

// recovered keeps the panic of one request from being more than that.
func (f *front) recovered(r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		f.panics.Inc()
		f.log.Error("a request panicked", zap.String("method", r.Method), zap.String("path", r.URL.Path),
			zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
	}
	panic(http.ErrAbortHandler) // the connection (or HTTP/2 stream) is cut: half an answer must not look whole
}
