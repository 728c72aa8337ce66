#!/usr/bin/env bash
# A VOD list of two fMP4 segments, 320x180 then 640x360, with an EXT-X-DISCONTINUITY and an EXT-X-MAP of its own before the
# second (RFC 8216, 4.3.2.5).
#
# Version: GStreamer 1.22.0 of Debian 12, hlsdemux (gstreamer1.0-plugins-bad) with qtdemux and avdec_h264.
# Seen:    the second init segment is never asked for. 100 pictures come out, all of 320x180, and the pipeline ends without
#          an error. (ffmpeg's reader asks for it and throws it away: ffmpeg-hls-second-map.sh.)
set -euo pipefail
for p in ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav; do
	dpkg -s "$p" >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$p" >/dev/null; }
done
dir=$(mktemp -d); server=; trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT; cd "$dir"
make() {
	ffmpeg -v error -f lavfi -i "color=$3:s=$2:r=25:d=2" -c:v libx264 -g 50 -f hls -hls_segment_type fmp4 -hls_time 2 -hls_playlist_type vod \
		-hls_fmp4_init_filename "$1.mp4" -hls_segment_filename "$1.%d.m4s" "$1.m3u8"
}
make small 320x180 red
make large 640x360 blue
cat >list.m3u8 <<'L'
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="small.mp4"
#EXTINF:2.0,
small.0.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="large.mp4"
#EXTINF:2.0,
large.0.m4s
#EXT-X-ENDLIST
L
cat >server.mjs <<'J'
import { createServer } from 'node:http'
import { readFile, writeFile, appendFile } from 'node:fs/promises'
const server = createServer(async (req, res) => {
  await appendFile('asked', req.url + '\n')
  const type = req.url.endsWith('.m3u8') ? 'application/vnd.apple.mpegurl' : 'video/mp4'
  await readFile('.' + req.url).then((b) => res.writeHead(200, { 'content-type': type }).end(b), () => res.writeHead(404).end())
})
server.listen(0, '127.0.0.1', () => writeFile('port', String(server.address().port)))
J
node server.mjs & server=$!
until [ -s port ]; do sleep 0.1; done
dpkg-query -W gstreamer1.0-plugins-bad
status=0
timeout 60 gst-launch-1.0 -v souphttpsrc location="http://127.0.0.1:$(cat port)/list.m3u8" ! hlsdemux ! qtdemux ! h264parse ! avdec_h264 ! identity silent=false ! fakesink >log 2>&1 || status=$?
pictures=$(grep -oE 'chain.*\([0-9]+ bytes' log | grep -oE '[0-9]+ bytes' | sort | uniq -c | tr -s ' ')
asked=$(tr '\n' ' ' <asked)
echo "exit $status, asked for: $asked, pictures:$pictures (320x180 is 86400 bytes, 640x360 345600)"
[ "$status|$asked|$pictures" = "0|/list.m3u8 /small.mp4 /small.0.m4s /large.0.m4s | 100 86400 bytes" ] || { tail -n 5 log; echo "changed"; exit 1; }
