// pseProbe(video, fps) reads the number strip of every picture a <video> shows
// and returns a report, which it goes on filling in:
//   frames    pictures seen              bad      of them without a readable strip
//   numbers   [[number, media time s, age ms], ...] of the last 4000 pictures
//   jumps     [{at, from, to, lost}]     the number did not go on as the media time did:
//                                        lost > 0 pictures are missing, < 0 came again
//   stalls    [{at, ms}]                 from `waiting` to the next picture; ms null: still waiting
//   seeks     [at]                       `seeking` events
//   firstMs   from the call to the first picture
// `at` is ms since the call. Chromium may not call us for every picture it
// shows, so pictures are compared by media time and not by counting calls.
window.pseProbe = (video, fps) => {
  const BITS = 16, BLOCK = 20, PERIOD = 2 ** BITS
  const canvas = document.createElement('canvas')
  canvas.width = (BITS + 2) * BLOCK
  canvas.height = 8
  const paint = canvas.getContext('2d', { willReadFrequently: true })
  const began = performance.now()
  const at = () => Math.round(performance.now() - began)
  const report = { frames: 0, bad: 0, numbers: [], jumps: [], stalls: [], seeks: [], firstMs: null }

  const read = () => {
    const w = video.videoWidth, h = video.videoHeight
    paint.drawImage(video, 0, 0, (w * (BITS + 2)) / 32, h / 36, 0, 0, canvas.width, canvas.height)
    const row = paint.getImageData(0, canvas.height / 2, canvas.width, 1).data
    const block = i => row[(i * BLOCK + BLOCK / 2) * 4]
    const light = block(BITS), dark = block(BITS + 1)
    if (light - dark < 50) return null
    let n = 0
    for (let i = 0; i < BITS; i++) n = n * 2 + (block(i) > (light + dark) / 2 ? 1 : 0)
    return n
  }
  // The distance from a to b on the ring of numbers, -PERIOD/2 to PERIOD/2.
  const ring = (a, b) => ((((b - a) % PERIOD) + PERIOD * 1.5) % PERIOD) - PERIOD / 2

  let last = null, base = null, doubt = null, waiting = null
  const shown = (now, frame) => {
    video.requestVideoFrameCallback(shown)
    report.frames++
    report.firstMs ??= at()
    if (waiting) {
      waiting.ms = at() - waiting.at
      waiting = null
    }
    const n = read()
    if (n === null) {
      report.bad++
      return
    }
    const period = (PERIOD * 1000) / fps
    const age = (((Date.now() - (n * 1000) / fps) % period) + period) % period
    report.numbers.push([n, frame.mediaTime, Math.round(age)])
    if (report.numbers.length > 4000) report.numbers.shift()
    // Numbers go on as the media time does. The canvas may show a picture
    // that came after the call, so what counts is a change that three
    // pictures agree on.
    base ??= { n, time: frame.mediaTime, seen: 0 }
    const lost = ring(base.n + Math.round((frame.mediaTime - base.time) * fps), n)
    if (lost === 0) {
      base.seen++
      doubt = null
      last = n
      return
    }
    if (base.seen < 3) { // nor does one picture alone say where they begin
      base = { n, time: frame.mediaTime, seen: 1 }
      return
    }
    if (doubt?.lost !== lost) doubt = { lost, at: at(), from: last, to: n, seen: 0 }
    if (++doubt.seen === 3) {
      report.jumps.push({ at: doubt.at, from: doubt.from, to: doubt.to, lost })
      base = { n, time: frame.mediaTime, seen: 3 }
      doubt = null
    }
  }
  video.requestVideoFrameCallback(shown)
  video.addEventListener('waiting', () => {
    waiting ??= { at: at(), ms: null }
    if (!report.stalls.includes(waiting)) report.stalls.push(waiting)
  })
  video.addEventListener('seeking', () => report.seeks.push(at()))
  return report
}
