package edge

import (
	"fmt"
	"time"
)

// Config configures the edge.
type Config struct {
	DVR        time.Duration `yaml:"dvr"`         // how far back viewers may seek; the parts log must keep at least that
	HoldBack   float64       `yaml:"hold_back"`   // PART-HOLD-BACK in PART-TARGETs, at least 3
	CacheMiB   int           `yaml:"cache_mib"`   // memory for media away from the live edge, all streams together
	PinExtra   time.Duration `yaml:"pin_extra"`   // media kept in memory beyond the newest 3 target durations
	IdleAfter  time.Duration `yaml:"idle_after"`  // a stream nobody asked for that long is no longer followed
	StartWait  time.Duration `yaml:"start_wait"`  // how long a request waits for a stream that is just starting
	MaxViewers int           `yaml:"max_viewers"` // how many different viewers of one stream are counted
}

// DefaultConfig is what holds when nothing is configured.
func DefaultConfig() Config {
	return Config{
		DVR: 2 * time.Minute, HoldBack: 3, CacheMiB: 64, PinExtra: 5 * time.Second,
		IdleAfter: time.Minute, StartWait: 8 * time.Second, MaxViewers: 100_000,
	}
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	switch {
	case c.DVR < 10*time.Second || c.DVR > 24*time.Hour:
		return fmt.Errorf("edge.dvr is %v; use 10s to 24h", c.DVR)
	case c.HoldBack < 3 || c.HoldBack > 100:
		return fmt.Errorf("edge.hold_back is %v; use at least 3 (RFC 8216bis 4.4.3.8), at most 100", c.HoldBack)
	case c.CacheMiB < 1:
		return fmt.Errorf("edge.cache_mib is %d; use at least 1", c.CacheMiB)
	case c.PinExtra < 0 || c.PinExtra > time.Minute:
		return fmt.Errorf("edge.pin_extra is %v; use 0s to 1m", c.PinExtra)
	case c.IdleAfter < time.Second:
		return fmt.Errorf("edge.idle_after is %v; use at least 1s", c.IdleAfter)
	case c.StartWait < 0 || c.StartWait > time.Minute:
		return fmt.Errorf("edge.start_wait is %v; use 0s to 1m", c.StartWait)
	case c.MaxViewers < 1:
		return fmt.Errorf("edge.max_viewers is %d; use at least 1", c.MaxViewers)
	}
	return nil
}
