#!/usr/bin/env bash
# record.sh FILE-OF-THE-URL HTTP STREAM RENDITION OUT.mp4
#
# Records a rendition of a stream, part by part as they are told, until the
# stream has ended. A durable consumer keeps the place: started again within the
# window (bus.dvr, 2 minutes), it goes on where it was.
set -euo pipefail
source "$(dirname "$0")/nats.sh"
file=$1 base=$2/hls/$3/$4 stream=$3 rendition=$4 out=$5
nats_connect "$file"
nats_consumer record-shell new "events.v1.segment.ready.$stream" "events.v1.stream.ended.$stream"
echo recording
started= ended=
while nats_fetch $ended; do
	if [ "$(jq -r .type <<<"$payload")" = stream.ended ]; then
		ended=5 # seconds: others tell of the last segments, maybe later
	fi
	if [ "$(jq -r .data.rendition <<<"$payload")" = "$rendition" ]; then
		if [ -z "$started" ] || [ "$(jq -r .data.discontinuity <<<"$payload")" = true ]; then # the parameters may be others
			map=$(curl -sSf --compressed "$base/index.m3u8" | sed -n 's/^#EXT-X-MAP:URI="\([^"]*\)".*/\1/p' | tail -n 1)
			curl -sSf "$base/$map" >>"$out"
			started=yes
		fi
		curl -sSf "$base/$(jq -r .data.msn <<<"$payload").m4s" >>"$out"
	fi
	nats_ack
done
nats_flush
echo recorded
