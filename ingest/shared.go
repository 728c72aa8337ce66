package ingest

import (
	"context"
	"sync"
)

// shared is what all publishers of a worker have in common.
type shared struct {
	cfg      Config
	media    mediaLog
	records  *records
	decoders *decoders
	stats    *metrics

	ctx  context.Context // ends when Run is to end: publishers are cut off
	hard context.Context // ends when what they sent is stored, or too much time has passed
	wg   sync.WaitGroup  // of sessions' ends and recorders
}
