package hlscheck

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func httpRules() []Rule {
	return slices.Concat(answerRules(), transportRules(), sameRules(), cacheRules(), fieldRules())
}

// good is a rule for answers that have what was asked for.
func good(f func(v *verdict, r *reply)) func(*verdict, *reply) {
	return func(v *verdict, r *reply) {
		if r.err == nil && r.status == http.StatusOK {
			f(v, r)
		}
	}
}

// checkField checks one field of an answer's header.
func (v *verdict) checkField(r *reply, name, want string) {
	v.check(r.header.Get(name) == want, r.where(), "%s: %q, not %q", name, r.header.Get(name), want)
}

// answerRules are about what an answer is.
func answerRules() []Rule {
	return []Rule{
		{
			ID: "http.found", Spec: "6.2.1", Text: "what is listed is there",
			reply: func(v *verdict, r *reply) {
				switch r.purpose {
				case forGoneSegment, forGonePart, forPartAlone, forFar, forUnchanged, forOld, forEnded, forMaster, forHint:
					return // these have rules of their own
				}
				if r.r == nil || r.r.excused(r) || r.waitedOut() {
					return
				}
				v.check(r.ok(), r.where(), "%s", r.problem())
			},
		},
		{
			ID: "http.gzip", Spec: "A 10.1", Text: "playlists are packed with gzip when the client takes it, and only then",
			reply: good(func(v *verdict, r *reply) {
				if r.purpose.playlist() {
					v.check(r.gzipped != r.identity, r.where(), "Content-Encoding %q, gzip accepted: %v", r.header.Get("Content-Encoding"), !r.identity)
					v.check(strings.Contains(strings.ToLower(r.header.Get("Vary")), "accept-encoding"), r.where(), "Vary: %q does not say Accept-Encoding", r.header.Get("Vary"))
				}
			}),
		},
		{
			ID: "http.no-redirect", Spec: "A 8.18", Text: "no redirects",
			reply: func(v *verdict, r *reply) {
				if r.err == nil {
					moved := r.status >= 300 && r.status < 400 && r.status != http.StatusNotModified
					v.check(!moved, r.where(), "status %d to %s", r.status, r.header.Get("Location"))
				}
			},
		},
		{
			ID: "http.type-playlist", Spec: "4", Text: "playlists are application/vnd.apple.mpegurl",
			reply: good(func(v *verdict, r *reply) {
				if r.purpose.playlist() {
					v.checkField(r, "Content-Type", "application/vnd.apple.mpegurl")
				}
			}),
		},
		{
			ID: "http.type-media", Spec: "A 1.4", Text: "media is video/mp4, of audio renditions audio/mp4",
			reply: good(func(v *verdict, r *reply) {
				if r.purpose.media() {
					want := "video/mp4"
					if r.r.audioOnly.Load() {
						want = "audio/mp4"
					}
					v.checkField(r, "Content-Type", want)
				}
			}),
		},
	}
}

// transportRules are about what carries an answer.
func transportRules() []Rule {
	return []Rule{
		{
			ID: "http.2", Spec: "A 14.1", Text: "HTTP/2 (over TLS)",
			reply: func(v *verdict, r *reply) {
				if r.err == nil && r.tls != nil {
					v.check(r.protoMajor >= 2, r.where(), "HTTP/%d", r.protoMajor)
				}
			},
		},
		{
			ID: "http.tls", Spec: "A 14.2", Text: "TLS 1.2 or newer (over TLS)",
			reply: func(v *verdict, r *reply) {
				if r.err == nil && r.tls != nil {
					v.check(r.tls.Version >= tls.VersionTLS12, r.where(), "%s", tls.VersionName(r.tls.Version))
				}
			},
		},
	}
}

// sameRules are about answers that must be alike.
func sameRules() []Rule {
	return []Rule{
		{
			ID: "http.same-bytes", Spec: "6.2.5.2", Text: "blocking answers are the same bytes for everyone, packed or not",
			pair: func(v *verdict, p *pair) {
				if p.alike == sameRequest || p.alike == packedPlain {
					v.check(string(p.a.body) == string(p.b.body), p.b.where(), "%s: %d and %d bytes that differ", p.alike, len(p.a.body), len(p.b.body))
				}
			},
		},
		{
			ID: "http.same-edges", Spec: "6.2.5.2", Text: "two edges give the same bytes (only with a second URL)",
			pair: func(v *verdict, p *pair) {
				if p.alike == sameEdge {
					v.check(string(p.a.body) == string(p.b.body), p.b.where(), "%d and %d bytes that differ", len(p.a.body), len(p.b.body))
				}
			},
		},
	}
}

// cacheRules are about how long caches may keep an answer.
func cacheRules() []Rule {
	return []Rule{
		{
			ID: "http.cache-blocking", Spec: "6.2.5.2", Text: "blocking answers may be cached for about six target durations",
			reply: good(func(v *verdict, r *reply) {
				if r.purpose == forReload || r.purpose == forPastLast || r.purpose == forDelta {
					if l, err := r.list(); err == nil && l.Ended {
						return // it did not block for the part, which never came
					}
					age, ok := maxAge(r)
					target := r.last.Target
					v.check(ok && age >= 3*target && age <= 12*target, r.where(), "Cache-Control: %q", r.header.Get("Cache-Control"))
				}
			}),
		},
		{
			ID: "http.cache-media", Spec: "6.2.5.2", Text: "media may be cached for six target durations at least and is immutable",
			reply: good(func(v *verdict, r *reply) {
				if r.purpose.media() && r.last != nil {
					age, ok := maxAge(r)
					v.check(ok && age >= 6*r.last.Target && strings.Contains(r.header.Get("Cache-Control"), "immutable"), r.where(), "Cache-Control: %q", r.header.Get("Cache-Control"))
				}
			}),
		},
		{
			ID: "http.cache-live", Spec: "6.2.5.2", Text: "a plain live list may be cached for about half a PART-TARGET: 1 s at most, the header has whole seconds",
			reply: good(func(v *verdict, r *reply) {
				if r.purpose == forList && (r.last == nil || !r.last.Ended) {
					age, ok := maxAge(r)
					v.check(ok && age <= time.Second, r.where(), "Cache-Control: %q", r.header.Get("Cache-Control"))
				}
			}),
		},
		{
			ID: "http.cache-error", Spec: "6.2.5.2", Text: "errors are cached for a second at most",
			reply: func(v *verdict, r *reply) {
				if r.err == nil && r.status >= 400 {
					age, ok := maxAge(r)
					v.check(ok && age <= time.Second, r.where(), "status %d with Cache-Control: %q", r.status, r.header.Get("Cache-Control"))
				}
			},
		},
	}
}

// fieldRules are about the other fields of the header.
func fieldRules() []Rule {
	return []Rule{
		{
			ID: "http.etag", Spec: "RFC 9110 8.8.3", Text: "playlists and media have an ETag and answer If-None-Match with 304",
			reply: func(v *verdict, r *reply) {
				if r.err != nil || r.status != http.StatusOK && r.purpose != forUnchanged {
					return
				}
				if r.purpose != forUnchanged {
					v.check(r.header.Get("ETag") != "", r.where(), "no ETag")
					return
				}
				// A live list may have changed since; then its ETag has too.
				changed := r.status == http.StatusOK && strings.HasSuffix(r.path(), ".m3u8") && r.header.Get("ETag") != r.etag
				v.check(r.status == http.StatusNotModified || changed, r.where(), "status %d for If-None-Match: %s", r.status, r.etag)
			},
		},
		{
			ID: "http.cors", Spec: "Fetch", Text: "Access-Control-Allow-Origin: *, and no credentials",
			reply: func(v *verdict, r *reply) {
				if r.err == nil {
					v.checkField(r, "Access-Control-Allow-Origin", "*")
					v.check(r.header.Get("Access-Control-Allow-Credentials") == "", r.where(), "Access-Control-Allow-Credentials with *")
				}
			},
		},
	}
}

// waitedOut tells of an answer that the server gave up waiting for, as it may.
func (r *reply) waitedOut() bool {
	switch r.purpose {
	case forReload, forPastLast, forDelta, forHint:
		return r.last != nil && r.err == nil && r.status >= 400 && r.done.Sub(r.sent) >= 3*r.last.Target-r.r.opts.Slack
	}
	return false
}

// path is the URL without its query.
func (r *reply) path() string {
	p, _, _ := strings.Cut(r.url, "?")
	return p
}

// maxAge reads Cache-Control; false when it is missing or says nothing.
func maxAge(r *reply) (age time.Duration, ok bool) {
	for d := range strings.SplitSeq(r.header.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch name = strings.ToLower(name); name {
		case "no-store", "no-cache":
			return 0, true
		case "max-age", "s-maxage":
			if n, err := strconv.Atoi(value); err == nil && n >= 0 && (!ok || name == "s-maxage") {
				age, ok = time.Duration(n)*time.Second, true
			}
		}
	}
	return age, ok
}

// The rules that the parsers feed.
const (
	syntaxRule = "syntax.playlist"
	boxesRule  = "syntax.media"
)

func syntaxRules() []Rule {
	return []Rule{
		{ID: syntaxRule, Spec: "4.1", Text: "playlists parse, and have no tag that a live stream has no use for"},
		{ID: boxesRule, Spec: "A 7.1", Text: "inits, parts and segments are well-formed fragmented MP4"},
		{
			ID: "size.playlist", Spec: "ours", Text: "playlists are at most 1 MiB",
			reply: func(v *verdict, r *reply) {
				if r.err == nil && r.purpose.playlist() {
					v.check(!r.tooBig, r.where(), "more than %d bytes", maxPlaylist)
				}
			},
		},
		{
			ID: "size.media", Spec: "ours", Text: "parts and segments are at most 32 MiB",
			reply: func(v *verdict, r *reply) {
				if r.err == nil && r.purpose.media() {
					v.check(!r.tooBig, r.where(), "more than %d bytes", maxMedia)
				}
			},
		},
	}
}
