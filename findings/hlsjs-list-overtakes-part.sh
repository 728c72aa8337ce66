#!/usr/bin/env bash
# A live low-latency HLS stream of fMP4 segments (80 frames of 30 a second: 2.6667 s) in parts of 5 frames (0.1667 s, DURATION 0.167),
# read by hls.js in Chromium. The last but one part of a segment arrives just before the list that has the last one and so ends the
# segment, as on a slow network or a busy machine: the list comes when this part is loaded (FRAG_LOADED), not yet appended (FRAG_BUFFERED).
#
# Versions: hls.js 1.7.4 (npm), Chromium 156 and ffmpeg 5.1 of Debian 12, Node 20.
# Seen:     hls.js takes the segment for buffered whole when its last but one part is: it is no longer the list's open segment, and
#           FragmentTracker lets 0.2 s be missing (bufferPadding). Where the list's times are a rounding error ahead of the buffer's
#           it then takes loading the last part for a loop (isLoopLoading) and asks for nothing more, though lists go on coming: the
#           picture stands still, with no error but bufferStalledError, until the segment's parts leave the list (three target
#           durations, here 9 s and more). The same with times of five digits (0.16667 or 0.16666, 2.66667); not so with parts of
#           0.2 s and segments of 2 s to the dot, nor with longer parts. Here a loader of the page holds that part and that list back,
#           to have them in this order; of two players one gets the list 50 ms after the part is appended, and does not wait.
set -euo pipefail
dpkg -s ffmpeg chromium >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends ffmpeg chromium >/dev/null; }
dir=$(mktemp -d); trap 'rm -rf "$dir" 2>/dev/null || { sleep 3; rm -rf "$dir"; }' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent hls.js@1.7.4
ffmpeg -v error -f lavfi -i testsrc=s=160x90:r=30:d=80 -c:v libx264 -profile:v baseline -pix_fmt yuv420p -g 80 -keyint_min 80 \
	-sc_threshold 0 -movflags empty_moov+default_base_moof+frag_every_frame all.mp4
cat >page.html <<'H'
<body><script src="hls.js"></script><script>
const play = (between) => new Promise((done) => {
  const video = document.body.appendChild(document.createElement('video'))
  video.muted = video.autoplay = true
  let sn, part, list, last, longest = 0
  const moved = () => { longest = Math.max(longest, performance.now() - last); last = performance.now() }
  class Loader extends Hls.DefaultConfig.loader {
    load(context, config, callbacks) {
      const onSuccess = (...loaded) => {
        if (sn === undefined && context.part?.index === 14 && video.played.length && video.currentTime - video.played.start(0) > 3) {
          sn = context.frag.sn
          part = () => callbacks.onSuccess(...loaded)
        } else if (sn !== undefined && context.url.endsWith(`?_HLS_msn=${sn}&_HLS_part=15`)) {
          list = () => callbacks.onSuccess(...loaded)
          last = performance.now()
          video.ontimeupdate = moved
          setTimeout(() => { moved(); done({ between, still: longest / 1000 }) }, 16000)
          part()
        } else callbacks.onSuccess(...loaded)
      }
      super.load(context, config, { ...callbacks, onSuccess })
    }
  }
  const hls = new Hls({ loader: Loader })
  hls.on(between ? Hls.Events.FRAG_LOADED : Hls.Events.FRAG_BUFFERED, (_, data) => {
    if (data.frag.sn === sn && data.part?.index === 14) between ? Promise.resolve().then(list) : setTimeout(list, 50)
  })
  hls.loadSource('list.m3u8')
  hls.attachMedia(video)
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
const begin = Date.now() - 13000, when = (parts) => begin + parts * 1000 / 6
const until = async (parts) => { while (Date.now() < when(parts)) await new Promise((r) => setTimeout(r, when(parts) - Date.now() + 1)) }
const list = () => {
  const parts = Math.floor((Date.now() - begin) * 6 / 1000), segments = Math.floor(parts / 16), first = Math.max(0, segments - 8)
  let text = `#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:3\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.7
#EXT-X-PART-INF:PART-TARGET=0.167\n#EXT-X-MEDIA-SEQUENCE:${first}\n#EXT-X-MAP:URI="init.mp4"\n`
  for (let s = first; s <= segments; s++) {
    text += `#EXT-X-PROGRAM-DATE-TIME:${new Date(when(s * 16)).toISOString()}\n`
    for (let p = s * 16; s >= segments - 4 && p < Math.min(parts, s * 16 + 16); p++)
      text += `#EXT-X-PART:DURATION=0.167,URI="part${p}"${p % 16 ? '' : ',INDEPENDENT=YES'}\n`
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
  if (name.startsWith('part')) return await until(n + 1), response.end(frames(n * 5, n * 5 + 5))
  if (name.startsWith('segment')) return await until(n * 16 + 16), response.end(frames(n * 80, n * 80 + 80))
  if (name === 'seen') return report(JSON.parse(Buffer.concat(await request.toArray())))
  if (name !== 'list.m3u8') return response.writeHead(404).end()
  if (msn) await until(Number(msn) * 16 + (part ? Number(part) + 1 : 16))
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
  for (const { between, still } of seen) console.log(`list ${between ? 'between FRAG_LOADED and' : 'after'} FRAG_BUFFERED: stood still for ${still.toFixed(1)} s`)
  end(seen[0].still > seen[1].still + 2 ? 0 : 1)
}
J
chromium --version 2>/dev/null
timeout 90 node main.mjs || { echo "changed"; exit 1; }
