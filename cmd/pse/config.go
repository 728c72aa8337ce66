package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge"
	"github.com/helios-h2020/pse/ingest"
	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/signal"
	"github.com/helios-h2020/pse/transcode"
	"github.com/helios-h2020/pse/transfer"
	"github.com/helios-h2020/pse/turn"
)

// Config is everything that pse.yaml may say. A worker's section is its own
// Config, with its own defaults.
type Config struct {
	Data string `yaml:"data"` // one directory for all that is kept; empty: see dataDir
	// Compat opens more ports, those of what PSE replaces: "helios", or empty.
	Compat string `yaml:"compat"`

	Log   LogConfig   `yaml:"log"`
	HTTP  HTTPConfig  `yaml:"http"`
	TLS   TLSConfig   `yaml:"tls"`
	Admin AdminConfig `yaml:"admin"`
	Bus   BusConfig   `yaml:"bus"`

	Ingest    ingest.Config    `yaml:"ingest"`
	Transcode transcode.Config `yaml:"transcode"`
	Edge      edge.Config      `yaml:"edge"`
	Signal    signal.Config    `yaml:"signal"`
	Turn      turn.Config      `yaml:"turn"`
	Transfer  transfer.Config  `yaml:"transfer"`
}

// LogConfig says what is logged and how.
type LogConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // console, json, or auto: console on a terminal
}

// HTTPConfig is the public HTTP side: pages, /hls/ and all that workers mount.
type HTTPConfig struct {
	Listen       string        `yaml:"listen"`        // host:port for HTTP/1.1 and cleartext HTTP/2
	TLSListen    string        `yaml:"tls_listen"`    // host:port for HTTPS, or off
	PublicURL    string        `yaml:"public_url"`    // what viewers type, as https://live.example.org; empty: found out
	DrainTimeout time.Duration `yaml:"drain_timeout"` // how long open requests may take at stop

	MaxConnections int `yaml:"max_connections"` // on all ports of HTTP together; 0: as many as the descriptors allow
	MaxPerIP       int `yaml:"max_per_ip"`      // of them from one address, of IPv6 one /64; at most half of all; 0: no limit

	TrustedProxies []string `yaml:"trusted_proxies"` // networks whose X-Forwarded headers hold
}

// TLSConfig is the certificate of all that speaks TLS to people.
type TLSConfig struct {
	Cert  string   `yaml:"cert"`  // PEM file, read anew when it changes; empty: certificates of a private authority
	Key   string   `yaml:"key"`   // PEM file
	Names []string `yaml:"names"` // names and addresses that the private certificate is for, beside the machine's own

	ACME ACMEConfig `yaml:"acme"`
}

// AdminConfig is the listener for operators.
type AdminConfig struct {
	Listen string   `yaml:"listen"` // host:port, or off; keep it on loopback or behind a firewall
	Hosts  []string `yaml:"hosts"`  // names by which it is asked, beside addresses and names without a dot
	Pprof  bool     `yaml:"pprof"`  // profiles of the program are there
}

// BusConfig says which bus to use and how the logs on it are kept.
type BusConfig struct {
	URL string `yaml:"url" secret:"url"` // nats:// or tls:// address of a bus elsewhere; empty: the embedded one
	// The password for url, in place of one in it, which others see in ps; of the user in it, else of "worker".
	Password     string `yaml:"password" secret:"value"`
	PasswordFile string `yaml:"password_file"`
	Creds        string `yaml:"creds"`     // a NATS credentials file for url
	NKeyFile     string `yaml:"nkey_file"` // or one with the seed of a user's NKey
	CA           string `yaml:"ca"`        // a PEM file with the roots to trust for a tls:// url
	Cert         string `yaml:"cert"`      // a PEM file with a client certificate for a tls:// url
	Key          string `yaml:"key"`       // a PEM file with its key
	Domain       string `yaml:"domain"`    // the JetStream domain at url that has the logs; empty: the server's own
	Listen       string `yaml:"listen"`    // where the embedded bus takes TCP clients: host:port, auto or off
	TLSCert      string `yaml:"tls_cert"`  // PEM file: TCP clients of the embedded bus must use TLS
	TLSKey       string `yaml:"tls_key"`   // PEM file
	// Passwords of TCP clients of the embedded bus, users "worker" and "integrator"; empty: made at the first start.
	WorkerPassword     string `yaml:"worker_password" secret:"value"`
	IntegratorPassword string `yaml:"integrator_password" secret:"value"`

	DVR       time.Duration `yaml:"dvr"`        // how far back viewers may seek
	MediaAge  time.Duration `yaml:"media_age"`  // how long the source is kept for workers that come back
	HLSMemory bool          `yaml:"hls_memory"` // keep parts in memory instead of files
	HLSBytes  int64         `yaml:"hls_bytes"`  // limit of all parts, oldest go first; 0: as the bus's disk has room (partsBytes)
	Replicas  int           `yaml:"replicas"`   // of every log, on an operator's cluster
	// Bytes of the embedded bus's disk; with less free, of a small disk a twentieth, no stream may begin. 0: always may.
	LeastFree int64 `yaml:"least_free"`
}

// Values of Listen that are not addresses.
const (
	listenAuto = "auto" // of the bus: 127.0.0.1:4222 when split, a free loopback port when all is in one process
	listenOff  = "off"  // do not listen; without the bus, `pse stream` and the like cannot reach it
)

// compatHelios is the value of "compat" that opens the ports of HELIOS, for
// its apps as they are.
const compatHelios = "helios"

// DefaultConfig is what runs when nothing is said.
func DefaultConfig() Config {
	return Config{
		Log: LogConfig{Level: "info", Format: "auto"},
		HTTP: HTTPConfig{
			Listen: ":8080", TLSListen: ":8443", DrainTimeout: 10 * time.Second, MaxPerIP: 2000,
			TrustedProxies: []string{"127.0.0.0/8", "::1/128"},
		},
		TLS:   TLSConfig{ACME: ACMEConfig{DNS: ACMEDNSConfig{Algorithm: "hmac-sha256"}}},
		Admin: AdminConfig{Listen: "127.0.0.1:9090"},
		Bus: BusConfig{
			Listen: listenAuto, DVR: 2 * time.Minute, MediaAge: 30 * time.Second,
			Replicas: 1, LeastFree: 512 << 20,
		},
		Ingest:    ingest.DefaultConfig(),
		Transcode: transcode.DefaultConfig(),
		Edge:      edge.DefaultConfig(),
		Signal:    signal.DefaultConfig(),
		Turn:      turn.DefaultConfig(),
		Transfer:  transfer.DefaultConfig(),
	}
}

// Validate finds what cannot work before anything is started.
func (c Config) Validate() error {
	return errors.Join(
		c.validateCompat(),
		c.Log.validate(),
		c.HTTP.validate(),
		c.TLS.validate(),
		c.Admin.validate(),
		c.Bus.validate(),
		c.Ingest.Validate(),
		c.Transcode.Validate(),
		c.Edge.Validate(),
		c.Signal.Validate(),
		c.Turn.Validate(),
		c.Transfer.Validate(),
		c.validateWindow(),
	)
}

func (c Config) validateCompat() error {
	if c.Compat != "" && c.Compat != compatHelios {
		return fmt.Errorf("compat is %q; use %s, or nothing", c.Compat, compatHelios)
	}
	return nil
}

// validateWindow sees that the log holds what the edge lists.
func (c Config) validateWindow() error {
	if c.Edge.DVR > c.Bus.DVR {
		return fmt.Errorf("edge.dvr is %s, but the log keeps bus.dvr, %s; raise bus.dvr too", c.Edge.DVR, c.Bus.DVR)
	}
	return nil
}

func (c LogConfig) validate() error {
	var errs []error
	if _, err := level(c.Level); err != nil {
		errs = append(errs, err)
	}
	if c.Format != "auto" && c.Format != "console" && c.Format != "json" {
		errs = append(errs, fmt.Errorf("format is %q; use auto, console or json", c.Format))
	}
	return section("log", errs...)
}

func (c HTTPConfig) validate() error {
	errs := []error{address("listen", c.Listen), c.validateURL()}
	if c.TLSListen != listenOff {
		errs = append(errs, address("tls_listen", c.TLSListen))
	}
	if c.DrainTimeout < 0 {
		errs = append(errs, fmt.Errorf("drain_timeout is %s; use a time that is not negative", c.DrainTimeout))
	}
	if c.MaxConnections < 0 || c.MaxPerIP < 0 {
		errs = append(errs, fmt.Errorf("max_connections and max_per_ip are %d and %d; use at least 0", c.MaxConnections, c.MaxPerIP))
	}
	if _, err := limit.Prefixes(c.TrustedProxies); err != nil {
		errs = append(errs, fmt.Errorf("trusted_proxies: %w", err))
	}
	return section("http", errs...)
}

// validateURL sees that links can be made of public_url.
func (c HTTPConfig) validateURL() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("public_url is %q; write what viewers type, as https://live.example.org", c.PublicURL)
	}
	return nil
}

func (c TLSConfig) validate() error {
	var errs []error
	if (c.Cert == "") != (c.Key == "") {
		errs = append(errs, errors.New("cert and key go together; give both or none"))
	}
	if c.Cert != "" && len(c.ACME.Names) > 0 {
		errs = append(errs, errors.New("cert and acme.names are two ways to a certificate; give one of them"))
	}
	return errors.Join(section("tls", errs...), section("tls.acme", c.ACME.validate()...))
}

func (c AdminConfig) validate() error {
	if c.Listen == listenOff {
		return nil
	}
	return section("admin", address("listen", c.Listen))
}

func (c BusConfig) validate() error {
	var errs []error
	if c.Listen != listenAuto && c.Listen != listenOff {
		errs = append(errs, address("listen", c.Listen))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("tls_cert and tls_key go together; give both or none"))
	}
	if (c.Cert == "") != (c.Key == "") {
		errs = append(errs, errors.New("cert and key go together; give both or none"))
	}
	if c.URL == "" && c.Creds+c.NKeyFile+c.CA+c.Cert+c.Key+c.Domain+c.Password+c.PasswordFile != "" {
		errs = append(errs, errors.New("creds, nkey_file, ca, cert, key, domain, password and password_file are for a bus elsewhere; give url too, or remove them"))
	}
	if c.Creds != "" && c.NKeyFile != "" {
		errs = append(errs, errors.New("creds and nkey_file both say who this is; give one of them"))
	}
	if c.Creds+c.NKeyFile != "" && c.Password+c.PasswordFile != "" {
		errs = append(errs, errors.New("creds or nkey_file, and a password, both say who this is; give one of them"))
	}
	if strings.ContainsAny(c.Domain, " \t.*>") {
		errs = append(errs, fmt.Errorf("domain is %q; use the name that the server has for it (jetstream { domain: NAME }), one word without dots", c.Domain))
	}
	if c.Password != "" && c.PasswordFile != "" {
		errs = append(errs, errors.New("password and password_file are the same; give one of them"))
	}
	if c.DVR < 30*time.Second {
		errs = append(errs, fmt.Errorf("dvr is %s; use at least 30s, or players lose parts they were just told of", c.DVR))
	}
	if c.MediaAge < 10*time.Second {
		errs = append(errs, fmt.Errorf("media_age is %s; use at least 10s, or a restarted transcoder finds nothing to resume from", c.MediaAge))
	}
	if c.HLSBytes != 0 && c.HLSBytes < 64<<20 {
		errs = append(errs, fmt.Errorf("hls_bytes is %d; use at least %d (64 MiB), or 0 for a quarter of the disk", c.HLSBytes, 64<<20))
	}
	if c.LeastFree < 0 {
		errs = append(errs, fmt.Errorf("least_free is %d; use bytes, or 0 to take streams whatever is free", c.LeastFree))
	}
	if c.Replicas < 1 || c.Replicas > 5 {
		errs = append(errs, fmt.Errorf("replicas is %d; use 1 to 5", c.Replicas))
	}
	return section("bus", errs...)
}

// options are how to reach the bus at an address.
func (c BusConfig) options(at, name string) bus.Options {
	return bus.Options{
		URL: at, Domain: c.Domain, Name: name, Logs: c.logs(),
		Identity: bus.Identity{Creds: c.Creds, NKeyFile: c.NKeyFile, CA: c.CA, Cert: c.Cert, Key: c.Key},
	}
}

// given says which settings of the logs somebody has set.
func (c BusConfig) given(o origins) bus.Given {
	given := func(key string) bool { return o.given("bus." + key) }
	return bus.Given{
		DVR: given("dvr"), HLSMemory: given("hls_memory"), HLSBytes: given("hls_bytes") && c.HLSBytes != 0, MediaAge: given("media_age"), Replicas: given("replicas"),
	}
}

func (c BusConfig) logs() bus.LogConfig {
	return bus.LogConfig{DVR: c.DVR, MediaAge: c.MediaAge, HLSMemory: c.HLSMemory, HLSBytes: c.HLSBytes, Replicas: c.Replicas}
}
