#!/usr/bin/env bash
# A live list whose picture changed size has two EXT-X-MAP, the second behind the EXT-X-DISCONTINUITY (RFC 8216, 4.3.2.5:
# a map applies to the segments after it, up to the next).
#
# Versions: github.com/bluenviron/gohlslib/v2 v2.2.3 (pkg/playlist), github.com/grafov/m3u8 v0.12.1.
# Seen:     gohlslib has one map for the whole list, the last: read and written again, the segments before the change have
#           the init segment of after it. grafov/m3u8 writes only the first: those after the change have the one of before.
#           Neither says so. What reads such a list to check or to proxy it has to keep the map of each segment by itself.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.24
M
cat >main.go <<'G'
package main

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
	"github.com/grafov/m3u8"
)

const list = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="small.mp4"
#EXTINF:4.00000,
7.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="large.mp4"
#EXTINF:4.00000,
8.m4s
`

func maps(who string, list []byte) {
	for _, line := range bytes.Split(list, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("#EXT-X-MAP")) || len(line) > 0 && line[0] != '#' {
			fmt.Println(who, string(line))
		}
	}
}

func main() {
	p, err := playlist.Unmarshal([]byte(list))
	if err != nil {
		panic(err)
	}
	out, err := p.(*playlist.Media).Marshal()
	if err != nil {
		panic(err)
	}
	maps("gohlslib", out)
	g, _, err := m3u8.DecodeFrom(bytes.NewBufferString(list), true)
	if err != nil {
		panic(err)
	}
	maps("grafov", g.Encode().Bytes())
}
G
go get github.com/bluenviron/gohlslib/v2@v2.2.3 github.com/grafov/m3u8@v0.12.1 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = 'gohlslib #EXT-X-MAP:URI="large.mp4"
gohlslib 7.m4s
gohlslib 8.m4s
grafov #EXT-X-MAP:URI="small.mp4"
grafov 7.m4s
grafov 8.m4s' ] || { echo "changed"; exit 1; }
