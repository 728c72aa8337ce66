// Package web holds the pages a person sees, embedded: a Vite and TypeScript
// project whose build (make web) lies in dist. Without a build the program
// still works, and its pages say how to get one.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// pages are the places of the public side and the HTML file of the build that each shows.
var pages = map[string]string{
	"GET /{$}":          "home.html",
	"GET /call/{$}":     "call.html", // asks for the room
	"GET /call/{room}":  "call.html",
	"GET /certificate":  "certificate.html",
	"GET /f/{id}":       "received.html", // a file, for who was given its link
	"GET /files":        "files.html",
	"GET /watch/{name}": "watch.html",
}

// Routes mounts the pages and what they load: "/", "/watch/NAME", "/call/ROOM",
// "/files", "/f/ID", "/certificate", "/assets/" and the few files browsers look for at the root
// (icons, manifest).
func Routes(mux *http.ServeMux) { routes(mux, embedded()) }

// embedded is the site of this program, packed once: routes are mounted anew with
// each worker that comes or goes.
var embedded = sync.OnceValue(func() map[string]*file {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the directory is embedded: it is there
	}
	return readSite(built)
})

func routes(mux *http.ServeMux, files map[string]*file) {
	for pattern, name := range pages {
		f := files[name]
		if f == nil {
			f = newFile(name, []byte(notBuilt))
		}
		mux.Handle(pattern, f)
	}
	// The app's share target is answered by its service worker (public/share.js).
	// Where that is missing, the person at least comes to the page that sends files.
	mux.Handle("POST /share", http.RedirectHandler("/files", http.StatusSeeOther))
	for name, f := range files {
		if !f.page {
			mux.Handle("GET /"+name, f)
		}
	}
}
