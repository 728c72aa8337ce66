package bus

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// MaxPayload is the largest message the bus carries, in bytes.
const MaxPayload = 8 << 20

// ServerConfig configures the embedded server.
type ServerConfig struct {
	Dir    string // where file logs are kept; made if missing, used by one server at a time
	Listen string // host:port for TCP clients; empty: only this process can connect; port 0 takes a free one
}

// Server is the embedded NATS server.
type Server struct {
	ns   *server.Server
	dir  string
	lock *os.File
}

// StartServer starts the embedded server and returns when it takes
// connections. It fails if another server uses the directory.
func StartServer(cfg ServerConfig, log *zap.Logger) (*Server, error) {
	if cfg.Dir == "" {
		return nil, errors.New("start the bus: no directory; set --data DIR")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("start the bus: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(cfg.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start the bus: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("start the bus: %s is used by another pse; stop it, or choose another --data", cfg.Dir)
	}
	o := &server.Options{
		ServerName: "pse", NoSigs: true, NoLog: true, JetStream: true, DisableJetStreamBanner: true,
		StoreDir: cfg.Dir, MaxPayload: MaxPayload, SyncInterval: time.Second,
		JetStreamMaxMemory: 4 << 30, JetStreamMaxStore: 1 << 40, MaxPending: 256 << 20,
		DontListen: cfg.Listen == "",
	}
	if cfg.Listen != "" {
		host, port, err := net.SplitHostPort(cfg.Listen)
		if err != nil {
			lock.Close()
			return nil, fmt.Errorf("start the bus: %w; write host:port", err)
		}
		o.Host = host
		if o.Port, err = strconv.Atoi(port); err != nil {
			lock.Close()
			return nil, fmt.Errorf("start the bus: port %q is not a number", port)
		}
		if o.Port == 0 {
			o.Port = server.RANDOM_PORT
		}
	}
	ns, err := server.NewServer(o)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("start the bus: %w", err)
	}
	ns.SetLoggerV2(natsLogger{log}, false, false, false)
	ns.Start()
	if !ns.ReadyForConnections(20 * time.Second) {
		ns.Shutdown()
		ns.WaitForShutdown()
		lock.Close()
		return nil, fmt.Errorf("start the bus: not ready after 20 s; is %s writable and the port of %q free?", cfg.Dir, cfg.Listen)
	}
	return &Server{ns: ns, dir: cfg.Dir, lock: lock}, nil
}

// URL is where TCP clients connect, empty when the server does not listen.
func (s *Server) URL() string {
	if a := s.ns.Addr(); a != nil {
		return "nats://" + a.String()
	}
	return ""
}

// Close stops the server and waits until its files are closed. Nil-safe.
func (s *Server) Close() {
	if s == nil {
		return
	}
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	s.lock.Close()
}

// syncfs puts what was stored on the disk.
func (s *Server) syncfs() error { return syncfs(s.dir) }

func (s *Server) inProcess() []nats.Option { return []nats.Option{nats.InProcessServer(s.ns)} }
