package main

import (
	"net/url"
	"slices"
	"strings"

	"github.com/helios-h2020/pse/bus"
)

// A setting that is secret says so by the tag `secret` of its field, and how:
const (
	secretValue = "value" // all of it
	secretURL   = "url"   // the passwords in its addresses
	secretICE   = "ice"   // the password behind a server and its user
)

// shown is the setting's value in YAML, on one line, without what is secret.
func (s setting) shown() (string, error) {
	switch {
	case s.secret == "" || s.value.Len() == 0:
		return s.text()
	case s.secret == secretURL:
		return bus.Redact(s.value.String()), nil
	case s.secret == secretICE:
		var all []string
		for i := range s.value.Len() {
			f := strings.Fields(s.value.Index(i).String())
			if len(f) > 2 {
				f = append(f[:2:2], notShown)
			}
			all = append(all, `"`+strings.Join(f, " ")+`"`)
		}
		return "[" + strings.Join(all, ", ") + "]", nil
	case s.isList():
		return `["` + notShown + `"]`, nil
	}
	return notShown, nil
}

// visible lists the settings whose secrets were given on the command line,
// which any user of the machine can read.
func visible(c *Config, o origins) (keys []string) {
	for _, s := range settings(c) {
		if s.secret != "" && strings.HasPrefix(o[s.key], "--") && s.hides() {
			keys = append(keys, s.key)
		}
	}
	return keys
}

// hides says whether there is something that shown does not show.
func (s setting) hides() bool {
	switch s.secret {
	case secretURL:
		return slices.ContainsFunc(strings.Split(s.value.String(), ","), func(address string) bool {
			u, err := url.Parse(strings.TrimSpace(address))
			if err != nil {
				return true // it may have one
			}
			_, has := u.User.Password()
			return has
		})
	case secretICE:
		return slices.ContainsFunc(s.value.Interface().([]string), func(server string) bool { return len(strings.Fields(server)) > 2 })
	}
	return s.value.Len() > 0
}
