package reply

import "time"

// Cache says who may keep a reply for how long (RFC 9111 5.2.2).
type Cache struct {
	text    string
	seconds int // goes after text; negative: nothing does
	end     string
}

// What is not kept, what is asked again each time, and what is right for a second.
var (
	NoStore = Cache{"no-store", -1, ""}
	NoCache = Cache{"no-cache", -1, ""}
	Second  = Cache{"max-age=", 1, ""}
)

// MaxAge lets anybody keep a reply for a time, in whole seconds.
func MaxAge(d time.Duration) Cache { return Cache{"public, max-age=", int(d.Seconds()), ""} }

// Shared lets caches that many share keep a reply for a time, in whole seconds, and
// no browser, whose player asks the same twice only to get something else.
func Shared(d time.Duration) Cache {
	return Cache{"public, max-age=0, s-maxage=", int(d.Seconds()), ""}
}

// Immutable does too, of what never changes (RFC 8246).
func Immutable(d time.Duration) Cache {
	return Cache{"public, max-age=", int(d.Seconds()), ", immutable"}
}
