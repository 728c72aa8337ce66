// hls.js ships no types for its light build: it is the same without alternative
// audio, subtitles, DRM and ads, none of which PSE has.
declare module 'hls.js/light' {
  export * from 'hls.js'
  export { default } from 'hls.js'
}
