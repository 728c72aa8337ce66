package main

import (
	_ "embed"
	"html"
	"net/http"
	"strings"
)

// An errorPage says why there is no answer: to browsers a page, to programs a line.
type errorPage struct {
	Status int
	Title  string
	Text   string
	Home   bool   // lead to the first page
	line   string // for programs
}

var (
	notHere = errorPage{
		Status: http.StatusNotFound, Title: "There is nothing here", Home: true, line: "404 page not found",
		Text: "The link may be mistyped, or what it led to is no more.",
	}
	stillStarting = errorPage{
		Status: http.StatusServiceUnavailable, Title: "Just a moment", line: "starting, try again in a second",
		Text: "This box is starting. The page comes by itself as soon as it is ready.",
	}
)

//go:embed error_page.html
var errorPageText string

// page fills in what the page says. It is no template of html/template: those call
// methods by their names, and the linker then leaves out no method of any type.
func (s errorPage) page() string {
	home := ""
	if s.Home {
		home = `<p><a href="/">To the first page</a></p>`
	}
	return strings.NewReplacer("{{.Title}}", html.EscapeString(s.Title), "{{.Text}}", html.EscapeString(s.Text), "{{.Home}}", home).Replace(errorPageText)
}

// errorPagePolicy lets the page have its own style, and nothing else.
const errorPagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// forPeople says whether an answer is shown by a browser.
func forPeople(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// ServeHTTP answers.
func (s errorPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept")
	again := s.Status == http.StatusServiceUnavailable
	if again {
		h.Set("Retry-After", "1")
	}
	if version := r.Header.Get("Tus-Resumable"); again && r.Method == http.MethodHead && version != "" {
		// Where an upload is will be known in a moment: at 503 tus-js-client forgets the
		// upload, and begins anew.
		h.Set("Tus-Resumable", version)
		w.WriteHeader(http.StatusLocked)
		return
	}
	if !forPeople(r) {
		http.Error(w, s.line, s.Status)
		return
	}
	if again {
		h.Set("Refresh", "2")
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", errorPagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(s.Status) // of HEAD nothing more is sent
	_, _ = w.Write([]byte(s.page()))
}

// robots keeps search engines from what is shown by link only.
func robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("User-agent: *\nDisallow: /\n"))
}
