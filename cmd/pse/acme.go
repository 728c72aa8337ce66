package main

import (
	"fmt"
	"strings"

	"github.com/helios-h2020/pse/internal/certificate"
)

// acme is what package certificate is to do: https is where challenges over TLS
// are answered, http those over HTTP.
func (c Config) acme() (certificate.ACMEConfig, error) {
	a := c.TLS.ACME
	roots, err := a.roots()
	if err != nil {
		return certificate.ACMEConfig{}, fmt.Errorf("tls.acme.%w", err)
	}
	made := certificate.ACMEConfig{
		Email: a.Email, Directory: a.Directory, Roots: roots, Profile: a.Profile,
		KeyID: a.KeyID, Key: a.Key, Challenges: a.Challenges, HTTP: a.HTTPListen, Resolver: a.DNS.Resolver,
	}
	for _, name := range a.Names {
		made.Names = append(made.Names, strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	if made.HTTP == "" {
		made.HTTP = c.HTTP.Listen
	}
	if c.HTTP.TLSListen != listenOff {
		made.TLS = c.HTTP.TLSListen
	}
	if d := a.DNS; d.Server != "" {
		made.DNS = certificate.DynamicDNS{Server: d.Server, KeyName: d.KeyName, Algorithm: d.Algorithm, Key: d.Key}.Provider()
	}
	return made, nil
}
