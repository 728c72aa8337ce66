#!/usr/bin/env bash
# In the first seconds of a low-latency stream its list has parts (EXT-X-PART) and no whole segment (EXTINF) yet.
# RFC 8216bis asks no list to have a segment; m3u8-parser 7.2.0 (npm) reads it.
#
# Version: github.com/bluenviron/gohlslib/v2 v2.2.3 (pkg/playlist).
# Seen:    playlist.Unmarshal answers "EOF": it looks for EXTINF or EXT-X-STREAM-INF to tell media lists from multivariant
#          ones. Media.Unmarshal called directly answers "no segments found". The same list with one whole segment is read.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.24
M
cat >main.go <<'G'
package main

import (
	"fmt"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
)

const head = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.00000
#EXT-X-PART-INF:PART-TARGET=0.33333
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="init.mp4"
`
const tail = `#EXT-X-PART:DURATION=0.33333,URI="0.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="0.1.m4s"
`

func main() {
	_, err := playlist.Unmarshal([]byte(head + tail))
	fmt.Println("parts only:", err)
	fmt.Println("parts only, as a media list:", new(playlist.Media).Unmarshal([]byte(head+tail)))
	_, err = playlist.Unmarshal([]byte(head + "#EXTINF:4.00000,\n0.m4s\n" + tail))
	fmt.Println("with a segment:", err)
}
G
go get github.com/bluenviron/gohlslib/v2@v2.2.3 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = 'parts only: EOF
parts only, as a media list: no segments found
with a segment: <nil>' ] || { echo "changed"; exit 1; }
