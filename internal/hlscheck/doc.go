// Package hlscheck watches a live low-latency HLS stream as a strict client
// and reports every way in which it is not what RFC 8216bis and Apple's
// authoring specification ask for.
//
// Rules are data: one Rule a sentence of the specification, with what looks
// at it. The checker makes requests and turns the answers into observations
// (a reply, a media playlist, a whole segment, two answers that should be
// alike, the end); each rule says which of them it looks at. A report names
// the findings and counts how often each rule had something to look at, so
// that "nothing found" cannot hide "nothing tested".
//
// The checker parses playlists and MP4 boxes by itself, with no code of the
// workers it checks, and tolerates nothing the specification does not.
package hlscheck
