// Package web holds the pages a person sees, embedded: a Vite and TypeScript
// project whose build (make web) lies in dist. Without a build the program
// still works, and its pages say how to get one.
package web

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed all:dist
var dist embed.FS

// pages are the HTML files of the build and where they are mounted.
var pages = map[string]string{
	"certificate.html": "GET /certificate",
	"home.html":        "GET /{$}",
	"watch.html":       "GET /watch/{name}",
}

// Routes mounts the pages and what they load: "/", "/watch/NAME", "/certificate", "/assets/"
// and the few files browsers look for at the root (icons, manifest).
func Routes(mux *http.ServeMux) {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the directory is embedded: it is there
	}
	routes(mux, built)
}

func routes(mux *http.ServeMux, built fs.FS) {
	files := readSite(built)
	for name, pattern := range pages {
		f := files[name]
		if f == nil {
			f = newFile(name, []byte(notBuilt))
		}
		delete(files, name)
		mux.Handle(pattern, f)
	}
	for name, f := range files {
		mux.Handle("GET /"+name, f)
	}
}
