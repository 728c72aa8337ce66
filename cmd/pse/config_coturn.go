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

// compat puts the configuration of what PSE replaces under what was said of
// our own: HELIOS's relay ports, and coturn's file.
func (l *loaded) compat() error {
	base := l.Turn
	lines := map[string]string{}
	if l.Compat == compatHelios {
		base.MinPort, base.MaxPort = heliosMinPort, heliosMaxPort
		lines["min_port"], lines["max_port"] = "compat", "compat"
	}
	var cert, key string
	if l.Turn.Coturn != "" {
		text, err := os.ReadFile(l.Turn.Coturn)
		if err != nil {
			return fmt.Errorf("turn.coturn: %w", err)
		}
		i, err := readCoturn(text, &base)
		if err != nil {
			return fmt.Errorf("turn.coturn: %s: %w", l.Turn.Coturn, err)
		}
		cert, key = i.Cert, i.Key
		l.Turn.Users = i.Users
		for k, n := range i.Lines {
			lines[k] = fmt.Sprintf("%s:%d", l.Turn.Coturn, n)
		}
	}
	from := settings(&base)
	for i, s := range settings(&l.Turn) {
		at, said := lines[s.key]
		if _, ours := l.origin["turn."+s.key]; said && !ours {
			s.value.Set(from[i].value)
			l.origin["turn."+s.key] = at
		}
	}
	if l.TLS.Cert == "" && l.TLS.Key == "" && cert != "" && key != "" {
		l.TLS.Cert, l.TLS.Key = cert, key
		l.origin["tls.cert"], l.origin["tls.key"] = lines["cert"], lines["key"]
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
