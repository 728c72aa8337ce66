#!/usr/bin/env bash
# A live low-latency HLS stream in its first seconds, whose list has parts and no whole segment yet, read by Shaka Player in Chromium.
#
# Versions: shaka-player 5.2.12 (npm), Chromium 156 of Debian 12, Node 20.
# Seen:     with lowLatencyMode the player wants to know what is in the media, and for that asks for the first segment it has: the one
#           that is being made, which has parts and no URI. load() fails with a TypeError ("Cannot read properties of undefined"), not with one of its
#           error codes, and nothing is asked for again. With one whole segment in the list it asks for that one's media.
#           RFC 8216bis 4.4.4.9 has parts before their segment's EXTINF. So a page with Shaka loads again after such an error.
set -euo pipefail
dpkg -s chromium >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
dir=$(mktemp -d); trap 'rm -rf "$dir" 2>/dev/null || { sleep 3; rm -rf "$dir"; }' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent shaka-player@5.2.12
cat >main.mjs <<'J'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
const said = {}, asked = { young: [], older: [] }
const list = (whole) => '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n#EXT-X-PART-INF:PART-TARGET=0.5\n' +
  `#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI="init.mp4"\n${whole ? '#EXTINF:2,\n0.m4s\n' : ''}` +
  [0, 1].map((i) => `#EXT-X-PART:DURATION=0.5,INDEPENDENT=YES,URI="${whole ? 1 : 0}.${i}.m4s"\n`).join('')
const page = `<!doctype html><video id=v muted></video><script src=shaka.js></script><script>
shaka.polyfill.installAll()
const go = async (name) => {
  const player = new shaka.Player()
  player.configure({ streaming: { lowLatencyMode: true, retryParameters: { maxAttempts: 1 } }, manifest: { retryParameters: { maxAttempts: 1 } } })
  await player.attach(v)
  const end = await player.load(name + '/master.m3u8').then(() => 'loaded', (e) => (e instanceof TypeError ? 'TypeError: ' + e.message : 'shaka ' + e.code))
  await fetch('said?' + name + '=' + encodeURIComponent(end))
  await player.destroy()
}
go('young').then(() => go('older'))
</script>`
const server = createServer((q, r) => {
  const url = new URL(q.url, 'http://x'), [, name, file] = url.pathname.split('/')
  if (url.pathname === '/') return r.setHeader('Content-Type', 'text/html') && r.end(page)
  if (name === 'shaka.js') return r.end(readFileSync('node_modules/shaka-player/dist/shaka-player.compiled.js'))
  if (name === 'said') {
    for (const [k, v] of url.searchParams) said[k] = v
    if (said.older) done()
    return r.end()
  }
  if (!asked[name]) return r.writeHead(404).end()
  asked[name].push(file)
  if (!file.endsWith('.m3u8')) return r.writeHead(404).end() // what is asked for is all this is about
  r.setHeader('Content-Type', 'application/vnd.apple.mpegurl')
  r.end(file === 'master.m3u8' ? '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000,CODECS="avc1.4d401f,mp4a.40.2",RESOLUTION=320x180\nlist.m3u8\n' : list(name === 'older'))
})
let done
const both = new Promise((ok) => { done = ok })
await new Promise((ok) => server.listen(0, '127.0.0.1', ok))
const chromium = spawn('chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', `--user-data-dir=${process.cwd()}/profile`, `http://127.0.0.1:${server.address().port}/`], { stdio: 'ignore' })
await Promise.race([both, new Promise((ok) => setTimeout(ok, 60000))])
chromium.kill()
console.log('shaka-player', JSON.parse(readFileSync('node_modules/shaka-player/package.json')).version)
for (const name of ['young', 'older']) console.log(`${name}:`, said[name], '- asked for', asked[name].join(', '))
process.exit(/^TypeError/.test(said.young ?? '') && !/^TypeError/.test(said.older ?? 'TypeError') && asked.older.some((f) => f.endsWith('.mp4') || f.endsWith('.m4s')) ? 0 : 1)
J
chromium --version; node --version
node main.mjs
