// Package ffmpeg runs ffmpeg on what publishers send: a child per encoding that
// makes the smaller renditions of a source (Start), and a short-lived one that
// makes pictures of a key frame (JPEGs).
//
//	frames -> Child.Feed -> FLV on stdin -> ffmpeg -> one FLV pipe a rendition -> Event
//
// Media goes through pipes alone, nothing is written to a disk. A child decodes
// H.264 in FLV and nothing else, knows no password of ours, and has bounds
// (internal/child). It ends with its context, or with us. Times are on a clock
// that its caller chooses. The package knows no stream, no session and no bus
// connection; of bus it has the FLV tag, in flv.go.
package ffmpeg
