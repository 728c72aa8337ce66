package camera

import _ "embed"

// Probe is a script that watches a <video> which plays a camera's stream: run
// it in the page, then `pseProbe(video, fps)` starts watching and returns the
// report it keeps filling in. Its fields are described in the script.
//
//go:embed probe.js
var Probe string
