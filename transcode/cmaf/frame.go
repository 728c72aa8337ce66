package cmaf

// Frame is one access unit on the stream clock.
type Frame struct {
	DTS, PTS int64  // ms
	Key      bool   // decoding can begin with it, see VideoConfig.IsKey
	Data     []byte // length-prefixed NAL units, OBUs, or a raw AAC frame
	Sample   int64  // of sound: its first sample
}

// AudioFrame is one AAC frame at its place on the sample clock.
type AudioFrame struct {
	Sample int64 // its first sample, counted from stream clock 0
	Data   []byte
}
