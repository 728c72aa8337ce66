package bus

// Names of codecs, as records and events have them.
const (
	CodecH264 = "h264"
	CodecHEVC = "hevc"
	CodecAV1  = "av1"
	CodecAAC  = "aac"
)

// Names of the worker that encodes, and of its endpoint for what it can decode.
const (
	WorkerTranscode  = "transcode"
	EndpointDecoders = "decoders"
)

// DecodersQuery asks what can be decoded.
type DecodersQuery struct{}

// Decoders is the answer: names of codecs.
type Decoders struct {
	Codecs []string `json:"codecs"`
}
