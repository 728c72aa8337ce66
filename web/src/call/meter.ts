/** How loud our microphone is, 0 to 1. */
export class Meter {
  private context: AudioContext | undefined
  private source: MediaStreamAudioSourceNode | undefined
  private analyser: AnalyserNode | undefined
  private heard: MediaStreamTrack | undefined
  private samples = new Float32Array(0)

  /** Listens to this track from now on. */
  hear(track: MediaStreamTrack | undefined): void {
    if (track === this.heard) return
    this.heard = track
    this.source?.disconnect()
    this.source = undefined
    if (!track || typeof AudioContext !== 'function') return
    this.context ??= new AudioContext()
    this.analyser ??= new AnalyserNode(this.context, { fftSize: 1024 })
    this.samples = new Float32Array(this.analyser.fftSize)
    this.source = this.context.createMediaStreamSource(new MediaStream([track]))
    this.source.connect(this.analyser) // and to no loudspeaker
  }

  level(): number {
    if (!this.context || !this.analyser || !this.source) return 0
    if (this.context.state === 'suspended') void this.context.resume() // until the person touched the page
    this.analyser.getFloatTimeDomainData(this.samples)
    return loudness(this.samples)
  }
}

/** The level of samples of -1 to 1, as people hear it: -60 dB is 0, full scale 1. */
export function loudness(samples: Float32Array): number {
  let sum = 0
  for (const s of samples) sum += s * s
  return shown(Math.sqrt(sum / Math.max(1, samples.length)))
}

/** A linear level (RMS, or what a receiver says) on that scale. */
export function shown(linear: number): number {
  return linear <= 0 ? 0 : Math.min(1, Math.max(0, 1 + Math.log10(linear) / 3))
}

/** Above this someone speaks. */
export const SPEAKING = 0.42 // -35 dB
