package main

import "fmt"

// takeOldNames takes settings by the names that they had in earlier versions, and
// says what to write instead.
func takeOldNames(c *Config, o origins) (notes []string) {
	const is = "http.trusted_proxies"
	if was := "transfer.trusted_proxies"; o.given(was) {
		if !o.given(is) {
			c.HTTP.TrustedProxies, o[is] = c.Transfer.TrustedProxies, o[was]
		}
		notes = append(notes, fmt.Sprintf("%s (%s) is %s now, for all of HTTP; write that", was, o[was], is))
	}
	if was := "signal.trust_proxy"; o.given(was) {
		notes = append(notes, fmt.Sprintf("%s (%s) believes whoever connects; name your proxies by %s, for all of HTTP, and leave it out", was, o[was], is))
	}
	return notes
}
