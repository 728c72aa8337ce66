package ffmpeg

import (
	"time"

	"github.com/helios-h2020/pse/internal/child"
)

// driverEnv are the variables by which an owner tells drivers of graphics cards
// what to do.
var driverEnv = []string{"LIBVA_DRIVER_NAME", "LIBVA_DRIVERS_PATH", "LIBVA_DRI3_DISABLE", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "GPU_DEVICE_ORDINAL"}

// Priorities: what serves viewers and callers comes before what encodes, and
// that before a picture.
const (
	liveNice    = 2
	pictureNice = 15
)

// pictureCPU is the processor time that pictures of one key frame may take.
const pictureCPU = 20 * time.Second

// liveLimits are those of a stream's ffmpeg, which runs as long as the stream.
// Drivers of graphics cards map more memory than they use, and write caches.
func (o Options) liveLimits() child.Limits {
	if o.Encoder != X264 {
		return child.Limits{Nice: liveNice, Files: true}
	}
	return child.Limits{Nice: liveNice, Memory: o.Memory}
}

// pictureLimits are those of an ffmpeg that makes a picture of one key frame.
func (o Options) pictureLimits() child.Limits {
	return child.Limits{Nice: pictureNice, Memory: o.Memory, CPU: pictureCPU}
}
