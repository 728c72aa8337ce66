// Package hls is a stream's parts as HLS (RFC 8216bis): parts in, playlists out.
//
//	Presentation.Apply(part) -> View, Multivariant -> Render -> text
//
// It is a fold and functions, and knows neither the bus nor HTTP, starts no
// goroutine and has no clock: what it shows depends on the messages of the log
// and on nothing else.
//
// One goroutine applies. What it hands out, views and multivariant playlists,
// never changes; to look into a Presentation meanwhile (Find, Init, Ordered)
// others hold whoever applies off.
package hls
