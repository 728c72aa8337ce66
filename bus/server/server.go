package server

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// maxPending is what the server holds for one connection that reads slowly,
// before it cuts it off: several of the largest pulls that readers ask for.
const maxPending = 64 << 20

// Server is the embedded NATS server. Watch starts it anew when it stores no more.
type Server struct {
	cfg       Config // Listen is the address that was taken
	content   Content
	log       *zap.Logger
	passwords passwords
	lock      *os.File

	mu      sync.RWMutex // guards the rest
	ns      *natsserver.Server
	memory  *memory // ns's
	trouble error   // why nothing can be stored
}

// Start starts the embedded server and returns when it takes
// connections. It fails if another server uses the directory.
func Start(cfg Config, content Content, log *zap.Logger) (_ *Server, err error) {
	if cfg.Dir == "" {
		return nil, errors.New("start the bus: no directory; set --data DIR")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("start the bus: %w", err)
	}
	s := &Server{cfg: cfg, content: content, log: log}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.lock, err = lockDir(cfg.Dir); err != nil {
		return nil, err
	}
	if s.passwords, err = loadPasswords(cfg); err != nil {
		return nil, err
	}
	if err := s.launch(); err != nil {
		return nil, err
	}
	if cfg.Listen != "" {
		s.cfg.Listen = s.current().Addr().String()
	}
	return s, nil
}

// launch starts a server, the first or another one.
func (s *Server) launch() error {
	o, err := options(s.cfg, s.content, s.passwords)
	if err != nil {
		return err
	}
	ns, err := natsserver.NewServer(o)
	if err != nil {
		return fmt.Errorf("start the bus: %w", err)
	}
	m := newMemory()
	s.mu.Lock()
	s.ns, s.memory = ns, m
	s.mu.Unlock()
	fatal, ready := make(chan string, 1), make(chan bool, 1)
	ns.SetLoggerV2(natsLogger{s.log, m, fatal}, false, false, false)
	ns.Start()
	go func() { ready <- ns.ReadyForConnections(startTime) }()
	select {
	case text := <-fatal: // a port in use, say: nothing to wait for
		return fmt.Errorf("start the bus: %s; change --data or --set bus.listen=HOST:PORT", text)
	case ok := <-ready:
		if !ok {
			return fmt.Errorf("start the bus: not ready after 20 s; is %s writable and %q free?", s.cfg.Dir, s.cfg.Listen)
		}
	}
	return makeMirror(s, s.passwords.Local, s.content.PerSubject)
}

// current is the server that runs, or ran last.
func (s *Server) current() *natsserver.Server {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ns
}

// InProcessConn connects to the server that runs now: the library asks for
// each connection anew.
func (s *Server) InProcessConn() (net.Conn, error) { return s.current().InProcessConn() }

// lockDir keeps a second server out: two would both start, and spoil the files.
func lockDir(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start the bus: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("start the bus: %s is used by another pse; stop it, or choose another --data", dir)
	}
	return lock, nil
}

func options(cfg Config, content Content, p passwords) (*natsserver.Options, error) {
	known, err := p.hashed()
	if err != nil {
		return nil, err
	}
	o := &natsserver.Options{}
	if err := o.ProcessConfigString(accountsConfig(known, content.Credentials)); err != nil {
		return nil, fmt.Errorf("start the bus: accounts: %w", err)
	}
	o.ServerName, o.NoSigs, o.NoLog = "pse", true, true
	o.JetStream, o.DisableJetStreamBanner, o.StoreDir = true, true, cfg.Dir
	o.SyncInterval = time.Second
	o.JetStreamMaxMemory, o.JetStreamMaxStore = 16<<30, 1<<40 // the logs' own limits are what counts
	o.MaxPayload, o.MaxPending = int32(content.MaxPayload), maxPending
	o.WriteDeadline = 5 * time.Second
	o.AuthTimeout = 10 // seconds; after the default of two a machine with much to do cuts off its own workers
	if o.MaxConn = cfg.MaxClients; o.MaxConn == 0 {
		o.MaxConn = 1024
	}
	o.DontListen = cfg.Listen == ""
	if o.DontListen {
		return o, nil
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("start the bus: %w; write host:port", err)
	}
	o.Host = host
	if o.Port, err = strconv.Atoi(port); err != nil || o.Port < 0 || o.Port > 65535 {
		return nil, fmt.Errorf("start the bus: %q is no port; write host:port", port)
	}
	if o.Port == 0 {
		o.Port = natsserver.RANDOM_PORT
	}
	if cfg.TLSCert != "" {
		o.TLSConfig, err = natsserver.GenTLSConfig(&natsserver.TLSConfigOpts{CertFile: cfg.TLSCert, KeyFile: cfg.TLSKey})
		if err != nil {
			return nil, fmt.Errorf("start the bus: %w", err)
		}
		o.TLS, o.TLSTimeout = true, 5
	}
	return o, nil
}

// Addr is the host:port where TCP clients of this machine connect, empty when
// the server does not listen.
func (s *Server) Addr() string {
	a, ok := s.current().Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	host := a.IP.String()
	if a.IP.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, strconv.Itoa(a.Port))
}

// URL is where workers of other processes connect, with their password: a
// secret. Empty when the server does not listen.
func (s *Server) URL() string { return s.url(userWorker, s.passwords.Worker) }

// IntegratorURL is where integrators connect, likewise.
func (s *Server) IntegratorURL() string { return s.url(userIntegrator, s.passwords.Integrator) }

func (s *Server) url(user, password string) string {
	if s.Addr() == "" {
		return ""
	}
	u := url.URL{Scheme: "nats", Host: s.Addr(), User: url.UserPassword(user, password)}
	if s.cfg.TLSCert != "" {
		u.Scheme = "tls"
	}
	return u.String()
}

// Close stops the server and waits until its files are closed. Nil-safe.
func (s *Server) Close() {
	if s == nil {
		return
	}
	if ns := s.current(); ns != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
	}
	if s.lock != nil {
		s.lock.Close()
	}
}

// Dir is where its files are.
func (s *Server) Dir() string { return s.cfg.Dir }

// Sync puts what was stored on the disk.
func (s *Server) Sync() error { return syncfs(s.cfg.Dir) }

// InProcess is how a worker of this process connects.
func (s *Server) InProcess() []nats.Option {
	return []nats.Option{nats.InProcessServer(s), nats.UserInfo(userLocal, s.passwords.Local)}
}
