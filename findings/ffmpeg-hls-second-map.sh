#!/usr/bin/env bash
# A VOD list of two fMP4 segments, 320x180 then 640x360, with an EXT-X-DISCONTINUITY and an EXT-X-MAP of its own before the
# second (RFC 8216, 4.3.2.3 and 4.3.2.5): what a rotated phone or a changed source leaves behind.
#
# Version: ffmpeg 5.1 of Debian 12, HLS demuxer.
# Seen:    the second init segment is fetched and thrown away ("Found duplicated MOOV Atom. Skipped it"): the second
#          segment is decoded with the parameter sets of the first. No frame of 640x360 comes out; ffmpeg exits with 0.
#          Packet times of the second segment begin near 0 again: the demuxer adds nothing at a discontinuity.
#          To check such a stream with ffmpeg, read each stretch between discontinuities with its own init segment.
set -euo pipefail
dpkg -s ffmpeg >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends ffmpeg >/dev/null; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
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
dpkg-query -W ffmpeg
status=0; ffmpeg -v warning -allowed_extensions ALL -i list.m3u8 -f null - 2>log || status=$?
skipped=$(grep -c 'duplicated MOOV' log || true)
large=$(ffprobe -v quiet -allowed_extensions ALL -show_entries frame=width -of csv=p=0 list.m3u8 | grep -c 640 || true)
back=$(ffprobe -v quiet -allowed_extensions ALL -show_entries packet=dts_time -of csv=p=0 list.m3u8 | awk -F, 'NR > 1 && $1 < last { n++ } { last = $1 } END { print n + 0 }')
alone=$(cat large.mp4 large.0.m4s | ffprobe -v quiet -show_entries frame=width -of csv=p=0 - | grep -c 640 || true)
echo "exit $status, init segments skipped $skipped, frames of 640x360: $large in the list, $alone alone, times that go back: $back"
[ "$status $skipped $large $alone $back" = "0 1 0 50 1" ] || { cat log; echo "changed"; exit 1; }
