#!/usr/bin/env bash
# A live low-latency HLS stream of fMP4 segments (80 frames of 30 a second: 2.6667 s, EXTINF 2.667) in parts of 20 frames, read by
# hls.js in Chromium while old media is removed from the SourceBuffer, as hls.js itself does with a finite backBufferLength.
#
# Versions: hls.js 1.7.4 (npm), Chromium 156 and ffmpeg 5.1 of Debian 12, Node 20.
# Seen:     when a removal ends (BUFFER_FLUSHED) after a part has arrived (FRAG_LOADED) and before it is appended (FRAG_BUFFERED),
#           hls.js takes the part's whole segment for evicted: its earlier parts count as not loaded, though they are in the buffer.
#           At that segment's end, which the list puts a rounding error behind the buffer's, hls.js then asks for nothing more: the
#           picture stands still, with no error but bufferStalledError, until those parts leave the list (three target durations).
#           Now and then the part that arrived is forgotten too: hls.js "found no media" in it, takes the segment for a gap and
#           waits for about 3 s. Here two players read the stream, and one has old media removed as parts arrive. (With parts shorter
#           than 0.2 s a player may also wait without any removal, when a list overtakes a part; not so with the longer ones here.)
#           By itself hls.js trims when it finds the picture in another segment (FRAG_CHANGED), whatever is under way: in 49 of 217
#           trims the removal ended in between (parts of 5 frames, backBufferLength 4, three players on a busy machine).
#           So leave backBufferLength at Infinity, its default, and remove old media when no part is under way: from FRAG_BUFFERED
#           on it is safe only if the removal ends before the next part arrives.
set -euo pipefail
dpkg -s ffmpeg chromium >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends ffmpeg chromium >/dev/null; }
dir=$(mktemp -d); trap 'rm -rf "$dir" 2>/dev/null || { sleep 3; rm -rf "$dir"; }' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent hls.js@1.7.4
ffmpeg -v error -f lavfi -i testsrc=s=160x90:r=30:d=80 -c:v libx264 -profile:v baseline -pix_fmt yuv420p -g 80 -keyint_min 80 \
	-sc_threshold 0 -movflags empty_moov+default_base_moof+frag_every_frame all.mp4
cat >page.html <<'H'
<body><script src="hls.js"></script><script>
const play = (remove) => new Promise((done) => {
  const video = document.body.appendChild(document.createElement('video'))
  video.muted = video.autoplay = true
  const hls = new Hls()
  hls.loadSource('list.m3u8')
  hls.attachMedia(video)
  const buffered = (time) => [...Array(video.buffered.length).keys()].some((i) => video.buffered.start(i) < time && time < video.buffered.end(i))
  let last, longest = 0, forgotten
  const moved = () => { longest = Math.max(longest, performance.now() - last); last = performance.now() }
  hls.on(Hls.Events.FRAG_LOADED, (_, { frag, part }) => {
    if (part?.index !== 2 || !video.played.length || video.currentTime - video.played.start(0) < 6) return
    if (remove) hls.trigger(Hls.Events.BUFFER_FLUSHING, { startOffset: 0, endOffset: video.currentTime - 4, type: null })
    if (last) return
    last = performance.now()
    video.ontimeupdate = moved
    setTimeout(() => {
      const parts = hls.latestLevelDetails.partList.filter((p) => p.fragment.sn === frag.sn && !p.loaded && buffered(p.start + p.duration / 2))
      forgotten = parts.map((p) => p.index).join()
    }, 400)
    setTimeout(() => { moved(); done({ remove, forgotten, still: longest / 1000 }) }, 20000)
  })
})
Promise.all([true, false].map(play)).then((seen) => fetch('seen', { method: 'POST', body: JSON.stringify({ version: Hls.version, seen }) }))
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
const begin = Date.now() - 13000, when = (parts) => begin + parts * 2000 / 3
const until = async (parts) => { while (Date.now() < when(parts)) await new Promise((r) => setTimeout(r, when(parts) - Date.now() + 1)) }
const list = () => {
  const parts = Math.floor((Date.now() - begin) * 3 / 2000), segments = Math.floor(parts / 4), first = Math.max(0, segments - 8)
  let text = `#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:3\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=2.1
#EXT-X-PART-INF:PART-TARGET=0.667\n#EXT-X-MEDIA-SEQUENCE:${first}\n#EXT-X-MAP:URI="init.mp4"\n`
  for (let s = first; s <= segments; s++) {
    text += `#EXT-X-PROGRAM-DATE-TIME:${new Date(when(s * 4)).toISOString()}\n`
    for (let p = s * 4; s >= segments - 4 && p < Math.min(parts, s * 4 + 4); p++)
      text += `#EXT-X-PART:DURATION=0.667,URI="part${p}"${p % 4 ? '' : ',INDEPENDENT=YES'}\n`
    if (s < segments) text += `#EXTINF:2.667,\nsegment${s}\n`
  }
  return text + `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part${parts}"\n`
}
const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://host'), name = url.pathname.slice(1), n = Number(name.replace(/\D+/, ''))
  const msn = url.searchParams.get('_HLS_msn'), part = url.searchParams.get('_HLS_part')
  if (name === 'page.html') return response.setHeader('Content-Type', 'text/html').end(readFileSync(name))
  if (name === 'hls.js') return response.end(readFileSync('node_modules/hls.js/dist/hls.min.js'))
  if (name === 'init.mp4') return response.end(media.subarray(0, moofs[0]))
  if (name.startsWith('part')) return await until(n + 1), response.end(frames(n * 20, n * 20 + 20))
  if (name.startsWith('segment')) return await until(n * 4 + 4), response.end(frames(n * 80, n * 80 + 80))
  if (name === 'seen') return report(JSON.parse(Buffer.concat(await request.toArray())))
  if (name !== 'list.m3u8') return response.writeHead(404).end()
  if (msn) await until(Number(msn) * 4 + (part ? Number(part) + 1 : 4))
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
  for (const { remove, forgotten, still } of seen)
    console.log(`${remove ? 'removing as parts arrive' : 'removing nothing'}: parts forgotten: ${forgotten || 'none'}, stood still for ${still.toFixed(1)} s`)
  const [removed, not] = seen
  end(removed.forgotten && !not.forgotten && removed.still > not.still + 2 ? 0 : 1)
}
J
chromium --version 2>/dev/null
timeout 90 node main.mjs || { echo "changed"; exit 1; }
