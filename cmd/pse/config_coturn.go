package main

import (
	"fmt"
	"os"
	"reflect"

	"github.com/helios-h2020/pse/turn"
	"github.com/helios-h2020/pse/turn/coturn"
)

// HELIOS's ports of the relay.
const (
	heliosMinPort = 49160
	heliosMaxPort = 49200
)

// putCompatUnder puts the configuration of what PSE replaces under what was said
// of our own: HELIOS's relay ports, and coturn's file.
func putCompatUnder(c *Config, o origins) error {
	base := c.Turn
	lines := map[string]string{}
	if c.Compat == compatHelios {
		base.MinPort, base.MaxPort = heliosMinPort, heliosMaxPort
		lines["min_port"], lines["max_port"] = "compat", "compat"
	}
	var cert, key string
	if c.Turn.Coturn != "" {
		text, err := os.ReadFile(c.Turn.Coturn)
		if err != nil {
			return fmt.Errorf("turn.coturn: %w", err)
		}
		i, err := readCoturn(text, &base)
		if err != nil {
			return fmt.Errorf("turn.coturn: %s: %w", c.Turn.Coturn, err)
		}
		cert, key = i.Cert, i.Key
		c.Turn.Users = i.Users
		for k, n := range i.Lines {
			lines[k] = fmt.Sprintf("%s:%d", c.Turn.Coturn, n)
		}
	}
	from := settings(&base)
	for i, s := range settings(&c.Turn) {
		if at, said := lines[s.key]; said && !o.given("turn."+s.key) {
			s.value.Set(from[i].value)
			o["turn."+s.key] = at
		}
	}
	if c.TLS.Cert == "" && c.TLS.Key == "" && cert != "" && key != "" {
		c.TLS.Cert, c.TLS.Key = cert, key
		o["tls.cert"], o["tls.key"] = lines["cert"], lines["key"]
	}
	return nil
}

// readCoturn reads a turnserver.conf over a configuration of the relay.
func readCoturn(text []byte, cfg *turn.Config) (*coturn.Import, error) {
	var base coturn.Settings
	carry(&base, cfg)
	i, err := coturn.Read(text, base)
	if err != nil {
		return nil, err
	}
	carry(cfg, &i.Settings)
	cfg.Users = i.Users
	return i, nil
}

// carry copies the settings that both have under one key.
func carry(to, from any) {
	values := map[string]reflect.Value{}
	for _, s := range settings(from) {
		values[s.key] = s.value
	}
	for _, s := range settings(to) {
		if v, both := values[s.key]; both {
			s.value.Set(v)
		}
	}
}
