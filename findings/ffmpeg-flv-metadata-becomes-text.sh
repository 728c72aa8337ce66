#!/usr/bin/env bash
# An FLV stream whose onMetaData comes with a timestamp other than 0, read by ffmpeg.
#
# Versions: ffmpeg 5.1 of Debian 12.
# Seen:     the same metadata at time 0 describe the stream; at 21 ms they become a stream of subtitles, "text", with the number 0,
#           and the pictures are stream 1. Who reads with little probing (-probesize 32) and names streams by their numbers, or waits
#           for the first packets of each, gets no pictures. Metadata that is sent again in mid-stream, as GStreamer's flvmux and
#           RTMP servers for who joins late do, has such a time.
set -euo pipefail
dpkg -s ffmpeg >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends ffmpeg >/dev/null; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
ffmpeg -version | head -n 1
ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -flvflags no_duration_filesize at-0.flv
cp at-0.flv at-21.flv
# The first tag is that of metadata; the lowest byte of its timestamp is the 20th of the file (FLV 10.1, E.4.1).
printf '\x15' | dd of=at-21.flv bs=1 seek=19 conv=notrunc status=none
for f in at-0 at-21; do
	ffprobe -v error -show_entries stream=index,codec_name,codec_type -of csv=p=0 $f.flv | paste -sd' ' | tee $f.txt | sed "s/^/metadata $f ms: /"
done
[ "$(cat at-0.txt)" = "0,h264,video" ] && [ "$(cat at-21.txt)" = "0,text,subtitle 1,h264,video" ] || { echo "that is no longer so"; exit 1; }
