#!/usr/bin/env bash
# The sample entry of AAC in MP4 has its rate as a 16.16 number (ISO/IEC 14496-12, 12.2.3): 88.2 and 96 kHz do not fit.
# The standard has AudioSampleEntryV1 with a SamplingRateBox for them.
#
# Versions: github.com/Eyevinn/mp4ff v0.48.0; GStreamer 1.22.0 (mp4mux) and ffmpeg 5.1 of Debian 12.
# Seen:     mp4ff and GStreamer write the low 16 bits, 30464 for 96 kHz (22664 for 88.2 in mp4ff), ffmpeg writes 0.
#           None of them writes a SamplingRateBox, none warns. ffprobe says 96000 for all three: it goes by the
#           AudioSpecificConfig in esds. A reader that believed the sample entry would play the first two at a third of their speed.
set -euo pipefail
for p in ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-plugins-base gstreamer1.0-libav; do
	dpkg -s "$p" >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$p" >/dev/null; }
done
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
ffmpeg -v error -f lavfi -i sine=r=96000:d=1 -c:a aac ffmpeg-96000.mp4
gst-launch-1.0 -q audiotestsrc num-buffers=90 ! audio/x-raw,rate=96000,channels=2 ! avenc_aac ! mp4mux ! filesink location=gstreamer-96000.mp4
cat >go.mod <<'M'
module finding
go 1.24
M
cat >main.go <<'G'
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/mp4"
)

func main() {
	for _, rate := range []int{48000, 88200, 96000} {
		init := mp4.CreateEmptyInit()
		init.AddEmptyTrack(uint32(rate), "audio", "en")
		if err := init.Moov.Trak.SetAACDescriptor(aac.AAClc, rate); err != nil {
			panic(err)
		}
		var b bytes.Buffer
		if err := init.Encode(&b); err != nil {
			panic(err)
		}
		if err := os.WriteFile(fmt.Sprintf("mp4ff-%d.mp4", rate), b.Bytes(), 0o600); err != nil {
			panic(err)
		}
	}
	for _, name := range []string{"mp4ff-48000", "mp4ff-88200", "mp4ff-96000", "gstreamer-96000", "ffmpeg-96000"} {
		b, err := os.ReadFile(name + ".mp4")
		if err != nil {
			panic(err)
		}
		entry := b[bytes.Index(b, []byte("stsd")):]
		entry = entry[bytes.Index(entry, []byte("mp4a")):]
		fmt.Println(name, binary.BigEndian.Uint16(entry[28:]), bytes.Contains(b, []byte("srat")))
	}
}
G
go get github.com/Eyevinn/mp4ff@v0.48.0 2>/dev/null
dpkg-query -W ffmpeg gstreamer1.0-plugins-good
seen=$(go run .; for f in mp4ff-96000 gstreamer-96000 ffmpeg-96000; do ffprobe -v error -show_entries stream=sample_rate -of csv=p=0 $f.mp4; done)
echo "$seen"
[ "$seen" = 'mp4ff-48000 48000 false
mp4ff-88200 22664 false
mp4ff-96000 30464 false
gstreamer-96000 30464 false
ffmpeg-96000 0 false
96000
96000
96000' ] || { echo "changed"; exit 1; }
