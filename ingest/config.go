package ingest

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// Config configures the ingest worker.
type Config struct {
	Listen    string `yaml:"listen"`     // RTMP, host:port
	TLSListen string `yaml:"tls_listen"` // RTMPS, host:port; empty: none

	Open bool     `yaml:"open"` // anyone who reaches the port may publish
	Apps []string `yaml:"apps"` // the RTMP apps there are
	// AuthApps are apps that ask every publisher for user and password, and
	// not for a key in the URL. Others do so for a server URL that ends in ?auth.
	AuthApps []string `yaml:"auth_apps"`

	Grace      time.Duration `yaml:"grace"`       // how long a stream waits for a publisher whose connection broke
	GraceClean time.Duration `yaml:"grace_clean"` // the same for one who said goodbye
	Keep       time.Duration `yaml:"keep"`        // how long the record of an ended stream stays

	MaxConnections int           `yaml:"max_connections"` // in all
	MaxPerIP       int           `yaml:"max_per_ip"`      // per IPv4 address or IPv6 /64
	SetupTimeout   time.Duration `yaml:"setup_timeout"`   // from connecting to publishing
	IdleTimeout    time.Duration `yaml:"idle_timeout"`    // without a byte while publishing

	MaxBitrate int `yaml:"max_bitrate"` // of a publisher, bits/s, for longer than 20 s
	MaxPixels  int `yaml:"max_pixels"`  // of a publisher's picture, width times height

	RingTime  time.Duration `yaml:"ring_time"`  // media kept for when the bus is away or has lost it
	RingBytes int           `yaml:"ring_bytes"` // the same in bytes; the lower limit holds
	MaxAhead  time.Duration `yaml:"max_ahead"`  // how far a publisher's clock may run ahead of ours

	Hook bus.HookConfig `yaml:"hook"` // of the hook "publish", which may refuse a publisher

	FFmpeg string `yaml:"-"` // the program that makes AAC of Opus

	Room func() error `yaml:"-"` // why no stream may begin, those that are on go on; nil: always may
}

// DefaultConfig is the configuration of a worker nobody configured.
func DefaultConfig() Config {
	return Config{
		Listen: ":1935",
		Apps:   []string{"live", "plane", "360", "p2p"},
		Grace:  30 * time.Second, GraceClean: 5 * time.Second, Keep: 7 * 24 * time.Hour,
		MaxConnections: 1000, MaxPerIP: 64,
		SetupTimeout: 10 * time.Second, IdleTimeout: 15 * time.Second,
		FFmpeg: "ffmpeg", MaxBitrate: 100_000_000, MaxPixels: 16_000_000,
		RingTime: 20 * time.Second, RingBytes: 64 << 20, MaxAhead: 10 * time.Second,
		Hook: bus.HookConfig{Timeout: 2 * time.Second},
	}
}

var appName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Validate reports everything that is wrong with c, each with what to write instead.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("ingest."+format, args...)) }
	if c.Listen == "" && c.TLSListen == "" {
		bad("listen: empty, and tls_listen too; set one to host:port, like \":1935\"")
	}
	for _, l := range []struct{ name, addr string }{{"listen", c.Listen}, {"tls_listen", c.TLSListen}} {
		if l.addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(l.addr); err != nil {
			bad("%s: %w; write host:port, like \":1935\"", l.name, err)
		}
	}
	if len(c.Apps) == 0 {
		bad("apps: none; name at least one, like \"live\"")
	}
	for _, app := range c.Apps {
		if !appName.MatchString(app) {
			bad("apps: %q; use letters, digits, '-' and '_'", app)
		}
	}
	for _, app := range c.AuthApps {
		if !slices.Contains(c.Apps, app) {
			bad("auth_apps: %q is not in apps; add it there", app)
		}
	}
	for _, d := range []struct {
		name string
		v    time.Duration
		min  time.Duration
	}{
		{"grace", c.Grace, 0},
		{"grace_clean", c.GraceClean, 0},
		{"keep", c.Keep, time.Minute},
		{"setup_timeout", c.SetupTimeout, time.Second},
		{"idle_timeout", c.IdleTimeout, time.Second},
		{"ring_time", c.RingTime, time.Second},
		{"max_ahead", c.MaxAhead, time.Second},
		{"hook.timeout", c.Hook.Timeout, time.Millisecond},
	} {
		if d.v < d.min {
			bad("%s: %v; use at least %v", d.name, d.v, d.min)
		}
	}
	if c.MaxConnections < 1 || c.MaxPerIP < 1 {
		bad("max_connections, max_per_ip: %d, %d; use at least 1", c.MaxConnections, c.MaxPerIP)
	}
	if c.MaxBitrate < 1_000_000 {
		bad("max_bitrate: %d; use at least 1000000", c.MaxBitrate)
	}
	if c.MaxPixels < 640*480 {
		bad("max_pixels: %d; use at least %d, which is 640x480", c.MaxPixels, 640*480)
	}
	if c.RingBytes < 8<<20 {
		bad("ring_bytes: %d; use at least %d", c.RingBytes, 8<<20)
	}
	return errors.Join(errs...)
}
