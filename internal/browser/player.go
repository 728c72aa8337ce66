package browser

import (
	_ "embed"
	"net/http"
)

//go:embed player.html
var playerPage []byte

// Player serves a page with nothing but a <video> and hls.js: /?src=URL of a
// master playlist, &height=N to hold the level of that height, &cfg=JSON of
// hls.js options.
// hlsJS is the file hls.min.js of the npm package.
func Player(hlsJS string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hls.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, hlsJS) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(playerPage)
	})
	return mux
}
