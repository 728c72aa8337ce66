package browser

import (
	_ "embed"
	"net/http"
	"net/url"
	"path/filepath"
)

//go:embed players.html
var playersPage []byte

// WebPlayers are those that Players has: hls.js, Shaka Player, video.js, and the
// browser's own.
func WebPlayers() []string { return []string{"hls.js", "shaka", "video.js", "native"} }

// Players serves a page with nothing but a <video> and one of the WebPlayers; see
// PlayersQuery. modules are the folders of the npm packages hls.js, and shaka-player and video.js.
// What went wrong is in the page's playerErrors, the player itself in player.
func Players(hlsModules, modules string) http.Handler {
	mux := http.NewServeMux()
	file := func(pattern, name string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) })
	}
	file("GET /hls.min.js", filepath.Join(hlsModules, "hls.js/dist/hls.min.js"))
	file("GET /shaka/shaka-player.compiled.js", filepath.Join(modules, "shaka-player/dist/shaka-player.compiled.js"))
	file("GET /video.js/video.min.js", filepath.Join(modules, "video.js/dist/video.min.js"))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(playersPage)
	})
	return mux
}

// PlayersQuery is the query of Players' page: which player plays a multivariant
// playlist, with low latency or without.
func PlayersQuery(player, src string, low bool) string {
	q := url.Values{"player": {player}, "src": {src}}
	if low {
		q.Set("ll", "1")
	}
	return "?" + q.Encode()
}
