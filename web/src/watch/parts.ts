import { Events, type default as Hls, type Part } from 'hls.js/light'

type Streams = Part['elementaryStreams']

/**
 * Has hls.js remember which parts it has. When old media leaves its buffer between a
 * part's arrival and the end of its appending, hls.js (1.7.4) takes the part's whole
 * segment for evicted, and those of its parts that are buffered for not loaded. It
 * then loads them again or, where the list's times and those of the media differ by
 * as little as a millisecond, loads nothing at all until they have left the list,
 * three target durations later. So what it knew of the newest segment's parts is kept,
 * and given back when they are still in the buffer.
 */
export function rememberParts(hls: Hls): void {
  let sn: number | 'initSegment' = -1
  let known: { streams: Streams; was: Partial<Streams> }[] = []
  hls.on(Events.BUFFER_APPENDED, (_, { frag, part }) => {
    if (!part) return
    if (frag.sn !== sn) {
      sn = frag.sn
      known = []
    }
    // Lists that come later share the object, though not the part.
    known.push({ streams: part.elementaryStreams, was: { ...part.elementaryStreams } })
  })
  hls.on(Events.BUFFER_FLUSHED, () => {
    for (const { streams, was } of known) {
      const { startPTS, endPTS } = was.audiovideo ?? was.video ?? was.audio ?? {}
      if (startPTS === undefined || endPTS === undefined) continue
      if (buffered(hls.media, (startPTS + endPTS) / 2)) Object.assign(streams, was)
    }
  })
}

function buffered(media: HTMLMediaElement | null, time: number): boolean {
  const ranges = media?.buffered
  for (let i = 0; ranges && i < ranges.length; i++) if (ranges.start(i) <= time && time <= ranges.end(i)) return true
  return false
}
