#!/usr/bin/env bash
# A low-latency list at the moment the picture has changed size: the open segment has parts, stands behind an
# EXT-X-DISCONTINUITY and an EXT-X-MAP of its own. Nothing in it is encrypted.
#
# Version: hls-parser 0.16.1 (npm), on Node 20.
# Seen:    HLS.stringify(HLS.parse(list)) has a new line `#EXT-X-KEY:METHOD=undefined,URI="small.mp4"` before the new map
#          (small.mp4 is the init segment of before), which no player can read. A list of whole segments only is written well.
#          The parser also gives the open segment one part more than the list has: the preload hint.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent hls-parser@0.16.1
cat >main.mjs <<'J'
import HLS from 'hls-parser'
const head = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0
#EXT-X-PART-INF:PART-TARGET=0.33
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="small.mp4"
#EXTINF:4.0,
0.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="large.mp4"
`
const open = `#EXT-X-PART:URI="1.0.m4s",DURATION=0.33,INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1.1.m4s"
`
const whole = `#EXTINF:4.0,
1.m4s
`
const keys = (text) => text.split('\n').filter((l) => l.startsWith('#EXT-X-KEY')).join() || 'none'
const low = HLS.parse(head + open)
console.log('keys, open segment:', keys(HLS.stringify(low)))
console.log('keys, whole segment:', keys(HLS.stringify(HLS.parse(head + whole))))
console.log('parts of the open segment:', low.segments.at(-1).parts.length)
J
seen=$(node main.mjs)
echo "$seen"
[ "$seen" = 'keys, open segment: #EXT-X-KEY:METHOD=undefined,URI="small.mp4"
keys, whole segment: none
parts of the open segment: 2' ] || { echo "changed"; exit 1; }
