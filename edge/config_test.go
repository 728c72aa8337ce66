package edge

import (
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*Config){
		func(c *Config) { c.DVR = time.Second }, func(c *Config) { c.HoldBack = 2 }, func(c *Config) { c.CacheMiB = 0 },
		func(c *Config) { c.PinExtra = -1 }, func(c *Config) { c.IdleAfter = 0 }, func(c *Config) { c.StartWait = time.Hour }, func(c *Config) { c.MaxViewers = 0 },
	} {
		c := DefaultConfig()
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is valid", c)
		}
	}
}
