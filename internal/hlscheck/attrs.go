package hlscheck

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ErrSyntax is wrapped by every error of the playlist parsers.
var ErrSyntax = errors.New("bad playlist")

func syntax(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrSyntax}, args...)...)
}

// attrs is an attribute list (RFC 8216bis, section 4.2). Reading an attribute
// that is malformed sets err, the first one stays.
type attrs struct {
	tag string
	raw map[string]string // value as written, quotes included
	err error
}

// parseAttrs splits NAME=VALUE,NAME="VALUE",... and refuses spaces, empty
// values and names that come twice.
func parseAttrs(tag, s string) *attrs {
	a := &attrs{tag: tag, raw: map[string]string{}}
	for more := true; more; {
		name, rest, ok := strings.Cut(s, "=")
		if !ok || name == "" || !only(name, isNameByte) {
			a.fail("attribute name %.40q", name)
			return a
		}
		if _, twice := a.raw[name]; twice {
			a.fail("%s comes twice", name)
			return a
		}
		var value string
		if strings.HasPrefix(rest, `"`) {
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				a.fail("%s has no closing quote", name)
				return a
			}
			value, rest = rest[:end+2], rest[end+2:]
			if more = rest != ""; more && rest[0] != ',' {
				a.fail("%.40q follows the value of %s", rest, name)
				return a
			}
			s = strings.TrimPrefix(rest, ",")
		} else {
			value, s, more = strings.Cut(rest, ",")
			if value == "" || strings.ContainsAny(value, "\" \t") {
				a.fail("value %.40q of %s", value, name)
				return a
			}
		}
		a.raw[name] = value
	}
	return a
}

func (a *attrs) fail(format string, args ...any) {
	if a.err == nil {
		a.err = syntax(a.tag+": "+format, args...)
	}
}

// must notes that the tag is nothing without these attributes.
func (a *attrs) must(names ...string) {
	for _, n := range names {
		if _, ok := a.raw[n]; !ok {
			a.fail("%s is missing", n)
		}
	}
}

func (a *attrs) has(name string) bool {
	_, ok := a.raw[name]
	return ok
}

func (a *attrs) quoted(name string) string {
	v, ok := a.raw[name]
	if !ok {
		return ""
	}
	if len(v) < 2 || v[0] != '"' {
		a.fail("%s=%.40s is not a quoted string", name, v)
		return ""
	}
	return v[1 : len(v)-1]
}

// uri is a quoted URI that parses.
func (a *attrs) uri(name string) string {
	v := a.quoted(name)
	if a.has(name) {
		if _, err := url.Parse(v); err != nil || v == "" {
			a.fail("%s=%.80q is no URI", name, v)
		}
	}
	return v
}

func (a *attrs) enum(name string, values ...string) string {
	v, ok := a.raw[name]
	if !ok {
		return ""
	}
	for _, w := range values {
		if v == w {
			return v
		}
	}
	a.fail("%s=%.40s is none of %s", name, v, strings.Join(values, ", "))
	return ""
}

func (a *attrs) yes(name string) bool { return a.enum(name, "YES", "NO") == "YES" }

func (a *attrs) integer(name string) uint64 {
	v, ok := a.raw[name]
	if !ok {
		return 0
	}
	n, err := parseInteger(v)
	if err != nil {
		a.fail("%s=%.40s: not a decimal integer", name, v)
	}
	return n
}

func (a *attrs) seconds(name string) time.Duration {
	v, ok := a.raw[name]
	if !ok {
		return 0
	}
	d, err := parseSeconds(v)
	if err != nil {
		a.fail("%s=%.40s: not seconds", name, v)
	}
	return d
}

func (a *attrs) decimal(name string) float64 {
	v, ok := a.raw[name]
	if !ok {
		return 0
	}
	if !only(v, func(c byte) bool { return isDigit(c) || c == '.' }) {
		a.fail("%s=%.40s: not a decimal number", name, v)
		return 0
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		a.fail("%s=%.40s: not a decimal number", name, v)
	}
	return f
}

func (a *attrs) resolution(name string) (w, h int) {
	v, ok := a.raw[name]
	if !ok {
		return 0, 0
	}
	ws, hs, ok := strings.Cut(v, "x")
	wn, err1 := parseInteger(ws)
	hn, err2 := parseInteger(hs)
	if !ok || err1 != nil || err2 != nil || wn == 0 || hn == 0 || wn > 1<<16 || hn > 1<<16 {
		a.fail("%s=%.40s is not WIDTHxHEIGHT", name, v)
		return 0, 0
	}
	return int(wn), int(hn)
}

// only reports that all of s is bytes of a kind. A list has thousands of numbers and names.
func only(s string, kind func(c byte) bool) bool {
	for i := range len(s) {
		if !kind(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameByte(c byte) bool { return 'A' <= c && c <= 'Z' || isDigit(c) || c == '-' }

// parseInteger reads 1 to 20 digits that fit 64 bits.
func parseInteger(s string) (uint64, error) {
	if s == "" || !only(s, isDigit) {
		return 0, syntax("%.40q is not a decimal integer", s)
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, syntax("%.40q: %v", s, err)
	}
	return n, nil
}

// parseSeconds reads a decimal number of seconds exactly, up to nanoseconds
// and a day.
func parseSeconds(s string) (time.Duration, error) {
	whole, frac, dot := strings.Cut(s, ".")
	if dot && frac == "" {
		return 0, syntax("%.40q ends with a point", s)
	}
	n, err := parseInteger(whole)
	if err != nil || n > 86400 {
		return 0, syntax("%.40q is not a number of seconds", s)
	}
	d := time.Duration(n) * time.Second
	if frac != "" {
		if !only(frac, isDigit) {
			return 0, syntax("%.40q is not a number of seconds", s)
		}
		frac = (frac + "000000000")[:9]
		ns, err := parseInteger(frac)
		if err != nil {
			return 0, err
		}
		d += time.Duration(ns)
	}
	return d, nil
}
