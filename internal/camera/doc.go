// Package camera is a camera that needs no hardware: it paints a moving
// landscape, encodes it with ffmpeg and publishes it over RTMP. The demo, the
// tests and the benchmarks use it.
//
// Every picture carries its own number, so that a viewer of the stream can say
// which picture it is and how old it is:
//   - Pictures are numbered by wall time: number N is painted when the Unix
//     clock reads N/FPS seconds (FrameAt, TimeOf). Two cameras, or one that was
//     restarted, agree, and glass-to-glass latency is now - TimeOf(N).
//   - The low 16 bits of the number stand in the strip at the top of the
//     picture (ReadNumber, Decode, and Probe for a <video> in a page).
//   - The clock at the bottom shows the same time to people.
package camera
