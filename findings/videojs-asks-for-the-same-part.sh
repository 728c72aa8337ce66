#!/usr/bin/env bash
# A low-latency HLS list that goes from a segment's last part but one to the segment's end, read by video.js with llhls in Chromium.
#
# Versions: video.js 8.24.1 (npm, with @videojs/http-streaming 3.17.5), Chromium 156 of Debian 12, Node 20.
# Seen:     video.js merges the preload segment of a list into that of the list before, object by object. When the new list has none
#           but EXT-X-PRELOAD-HINT (the segment is whole), the old one's parts stay, and are counted: it asks for the last part of the
#           segment that it has, _HLS_msn=5&_HLS_part=2, where 6 and 0 come next. A server answers at once, as RFC 8216bis 6.2.5.2 says,
#           and the player asks the same again every few tens of ms until a part of the next segment is there. Where answers may be
#           cached by browsers (the draft's six target durations) it gets the same list from its own cache until that is over: with
#           max-age=24 no picture for 24 s, over and over. Delta updates have no part in it: it is the same without CAN-SKIP-UNTIL.
#           So let only shared caches keep blocked answers: max-age=0, s-maxage=24.
set -euo pipefail
dpkg -s chromium >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
dir=$(mktemp -d); trap 'rm -rf "$dir" 2>/dev/null || { sleep 3; rm -rf "$dir"; }' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent video.js@8.24.1
cat >main.mjs <<'J'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
const asked = []
const segment = (n, parts, whole) => Array.from({ length: parts }, (_, i) => `#EXT-X-PART:DURATION=1,URI="${n}.${i}.m4s"${i ? '' : ',INDEPENDENT=YES'}\n`).join('') + (whole ? `#EXTINF:3,\n${n}.m4s\n` : '')
const list = (parts) => `#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:3\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3,HOLD-BACK=9\n` +
  `#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI="init.mp4"\n` + [0, 1, 2].map((n) => segment(n, 0, true)).join('') + [3, 4].map((n) => segment(n, 3, true)).join('') +
  segment(5, parts, parts === 3) + `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${parts === 3 ? '6.0' : '5.' + parts}.m4s"\n`
const server = createServer((q, r) => {
  const url = new URL(q.url, 'http://x')
  if (url.pathname === '/') return r.setHeader('Content-Type', 'text/html') && r.end('<!doctype html><video id=v muted></video><script src=video.js></script><script>videojs("v", { html5: { vhs: { llhls: true, overrideNative: true } } }).src({ src: "list.m3u8", type: "application/vnd.apple.mpegurl" })</script>')
  if (url.pathname === '/video.js') return r.end(readFileSync('node_modules/video.js/dist/video.min.js'))
  if (url.pathname !== '/list.m3u8') return // media never comes: the list is all this is about
  asked.push(url.search)
  r.setHeader('Content-Type', 'application/vnd.apple.mpegurl')
  r.end(list(asked.length === 1 ? 2 : 3))
  if (asked.length === 4) done()
})
let done
const four = new Promise((ok) => { done = ok })
await new Promise((ok) => server.listen(0, '127.0.0.1', ok))
const chromium = spawn('chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required', `--user-data-dir=${process.cwd()}/profile`, `http://127.0.0.1:${server.address().port}/`], { stdio: 'ignore' })
await Promise.race([four, new Promise((ok) => setTimeout(ok, 60000))])
chromium.kill()
console.log('video.js', JSON.parse(readFileSync('node_modules/video.js/package.json')).version)
console.log('asked for', asked.map((s) => s || 'the list'))
const last = asked.slice(1, 4)
process.exit(last.length === 3 && last.every((s) => s === '?_HLS_msn=5&_HLS_part=2') ? 0 : 1)
J
chromium --version; node --version
node main.mjs
