#!/usr/bin/env bash
# A live low-latency HLS stream of fMP4 segments (50 frames of 30 a second: 1.6667 s, EXTINF 1.667) in parts of 5 frames, read by
# hls.js in Chromium while old media is removed from the SourceBuffer, as hls.js itself does with a finite backBufferLength.
#
# Versions: hls.js 1.7.4 (npm), Chromium 156 and ffmpeg 5.1 of Debian 12, Node 20.
# Seen:     when a removal ends (BUFFER_FLUSHED) after a part has arrived (FRAG_LOADED) and before it is appended (FRAG_BUFFERED),
#           hls.js takes the part's whole segment for evicted: its earlier parts count as not loaded, though they are in the buffer.
#           At that segment's end, which the list puts a rounding error behind the buffer's (a microsecond can be enough), hls.js
#           then asks for nothing more: the picture stands still, with no error but bufferStalledError, until those parts leave the
#           list (three target durations). Now and then the part that arrived is forgotten too: hls.js "found no media" in it, takes
#           the segment for a gap and waits for about 3 s. Here two players have old media removed three times each; the one that
#           has it removed on FRAG_BUFFERED comes to no harm.
#           By itself hls.js trims when it finds the picture in another segment (FRAG_CHANGED), whatever is under way. Measured once
#           with this stream, backBufferLength 4 and three players on a busy machine: 49 of 217 trims ended in between, and 8 times
#           the picture stood still for 3 to 7 s. So leave backBufferLength at Infinity, its default, and remove old media when no
#           part is under way, as on FRAG_BUFFERED at the live edge.
set -euo pipefail
dpkg -s ffmpeg chromium >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends ffmpeg chromium >/dev/null; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent hls.js@1.7.4
ffmpeg -v error -f lavfi -i testsrc=s=160x90:r=30:d=80 -c:v libx264 -profile:v baseline -pix_fmt yuv420p -g 50 -keyint_min 50 \
	-sc_threshold 0 -movflags empty_moov+default_base_moof+frag_every_frame all.mp4
cat >page.html <<'H'
<body><script src="hls.js"></script><script>
const play = (event) => new Promise((done) => {
  const video = document.body.appendChild(document.createElement('video'))
  video.muted = video.autoplay = true
  const hls = new Hls()
  hls.loadSource('list.m3u8')
  hls.attachMedia(video)
  const buffered = (time) => [...Array(video.buffered.length).keys()].some((i) => video.buffered.start(i) < time && time < video.buffered.end(i))
  let removals = 0, forgotten, last, longest = 0
  const moved = () => { longest = Math.max(longest, performance.now() - last); last = performance.now() }
  const lost = ({ frag }) => hls.latestLevelDetails.partList.filter((p) => p.fragment.sn === frag.sn && !p.loaded && buffered(p.start + p.duration / 2))
  hls.on(event, (_, data) => {
    if (data.part?.index !== 4 || removals === 3 || !video.played.length || video.currentTime - video.played.start(0) < 6) return
    hls.trigger(Hls.Events.BUFFER_FLUSHING, { startOffset: 0, endOffset: video.currentTime - 4, type: null })
    if (removals++) return
    last = performance.now()
    video.ontimeupdate = moved
    setTimeout(() => { forgotten = lost(data).map((p) => p.index).join() }, 400)
    setTimeout(() => { moved(); done({ event, forgotten, still: longest / 1000 }) }, 20000)
  })
})
Promise.all(['hlsFragLoaded', 'hlsFragBuffered'].map(play)).then((seen) => fetch('seen', { method: 'POST', body: JSON.stringify({ version: Hls.version, seen }) }))
</script>
H
cat >main.mjs <<'J'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
const media = readFileSync('all.mp4'), boxes = []
for (let at = 0; at < media.length; at += media.readUInt32BE(at)) boxes.push({ at, type: media.toString('latin1', at + 4, at + 8) })
const moofs = boxes.filter((b) => b.type === 'moof').map((b) => b.at)
const frames = (from, to) => media.subarray(moofs[from], moofs[to])
const begin = Date.now() - 10000, when = (parts) => begin + parts * 1000 / 6
const until = async (parts) => { while (Date.now() < when(parts)) await new Promise((r) => setTimeout(r, when(parts) - Date.now() + 1)) }
const list = () => {
  const parts = Math.floor((Date.now() - begin) * 6 / 1000), segments = Math.floor(parts / 10), first = Math.max(0, segments - 8)
  let text = `#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.7
#EXT-X-PART-INF:PART-TARGET=0.167\n#EXT-X-MEDIA-SEQUENCE:${first}\n#EXT-X-MAP:URI="init.mp4"\n`
  for (let s = first; s <= segments; s++) {
    text += `#EXT-X-PROGRAM-DATE-TIME:${new Date(when(s * 10)).toISOString()}\n`
    for (let p = s * 10; s >= segments - 4 && p < Math.min(parts, s * 10 + 10); p++)
      text += `#EXT-X-PART:DURATION=0.167,URI="part${p}"${p % 10 ? '' : ',INDEPENDENT=YES'}\n`
    if (s < segments) text += `#EXTINF:1.667,\nsegment${s}\n`
  }
  return text + `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part${parts}"\n`
}
const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://host'), name = url.pathname.slice(1), n = Number(name.replace(/\D+/, ''))
  const msn = url.searchParams.get('_HLS_msn'), part = url.searchParams.get('_HLS_part')
  if (name === 'page.html') return response.setHeader('Content-Type', 'text/html').end(readFileSync(name))
  if (name === 'hls.js') return response.end(readFileSync('node_modules/hls.js/dist/hls.min.js'))
  if (name === 'init.mp4') return response.end(media.subarray(0, moofs[0]))
  if (name.startsWith('part')) return await until(n + 1), response.end(frames(n * 5, n * 5 + 5))
  if (name.startsWith('segment')) return await until(n * 10 + 10), response.end(frames(n * 50, n * 50 + 50))
  if (name === 'seen') return report(JSON.parse(Buffer.concat(await request.toArray())))
  if (name !== 'list.m3u8') return response.writeHead(404).end()
  if (msn) await until(part ? Number(msn) * 10 + Number(part) + 1 : Number(msn) * 10 + 10)
  response.setHeader('Content-Type', 'application/vnd.apple.mpegurl').end(list())
}).listen(0, '127.0.0.1', () => {
  chromium = spawn('chromium', [...'--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update'.split(' '),
    '--autoplay-policy=no-user-gesture-required', '--user-data-dir=profile', `http://127.0.0.1:${server.address().port}/page.html`], { stdio: 'ignore' })
})
let chromium
const end = (status) => { chromium.on('exit', () => process.exit(status)); chromium.kill() }
setTimeout(() => { console.log('no answer'); end(1) }, 60000)
const report = ({ version, seen }) => {
  console.log(`hls.js ${version}`)
  for (const { event, forgotten, still } of seen) console.log(`removed on ${event}: parts forgotten: ${forgotten || 'none'}, stood still for ${still.toFixed(1)} s`)
  const [loaded, buffered] = seen
  end(loaded.forgotten.startsWith('0,1,2,3') && !buffered.forgotten && loaded.still > Math.max(2.5, buffered.still + 1.5) ? 0 : 1)
}
J
chromium --version 2>/dev/null
timeout 90 node main.mjs || { echo "changed"; exit 1; }
