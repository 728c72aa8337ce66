package main

import "fmt"

// renamed takes settings by the names that they had in earlier versions, and
// notes what to write instead.
func (l *loaded) renamed() {
	const is = "http.trusted_proxies"
	if was := "transfer.trusted_proxies"; l.origin[was] != "" {
		if l.origin[is] == "" {
			l.HTTP.TrustedProxies, l.origin[is] = l.Transfer.TrustedProxies, l.origin[was]
		}
		l.old = append(l.old, fmt.Sprintf("%s (%s) is %s now, for all of HTTP; write that", was, l.origin[was], is))
	}
	if was := "signal.trust_proxy"; l.origin[was] != "" {
		l.old = append(l.old, fmt.Sprintf("%s (%s) believes whoever connects; name your proxies by %s, for all of HTTP, and leave it out", was, l.origin[was], is))
	}
}
