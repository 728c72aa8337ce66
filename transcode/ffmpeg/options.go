package ffmpeg

// Options say which ffmpeg to run, and with what.
type Options struct {
	Program string // name or path
	Encoder string // one of Encoders
	Device  string // of the encoders that have one, like /dev/dri/renderD128
	Memory  int64  // bytes that one child may take when it encodes in software or makes pictures; 0: no bound
}

// X264 is the encoder in software.
const X264 = "libx264"

// Encoders of graphics cards.
const (
	nvenc = "h264_nvenc"
	vaapi = "h264_vaapi"
	qsv   = "h264_qsv"
)

// LeastMemory is what ffmpeg takes for a small picture, in bytes: Options.Memory must not be below.
const LeastMemory = 256 << 20

// Encoders are those that arguments are known for, as ffmpeg calls them.
func Encoders() []string { return []string{X264, nvenc, vaapi, qsv} }
