// Package cmaf reads what H.264, HEVC, AV1 and AAC streams say of themselves, and writes
// their frames as CMAF (ISO/IEC 23000-19): one header for the tracks of a
// rendition, and a chunk for each of its parts.
//
// It is bytes in, bytes out: it knows no stream, no clock and no bus. What it
// reads comes from publishers, so every length is checked, and what it keeps is
// a copy. The same input gives the same bytes: workers that take over from each
// other, and viewers' caches, count on that.
package cmaf
