// Package stream follows streams in the parts log and finds what is asked of
// them: playlists, once they are what a request waits for, and the bytes of
// parts, segments and initialization segments.
//
//	parts log -> follower -> hls.Presentation -> watch of lists -> who waits
//
// It knows no HTTP: what may be wrong is an error of its own, and a reply.Body is
// only where a text is kept that many ask for.
package stream
