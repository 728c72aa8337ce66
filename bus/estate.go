package bus

import (
	"context"
	"time"
)

// Names of the worker that keeps files, and of its endpoint for those of a key.
const (
	WorkerTransfer = "transfer"
	EndpointEstate = "estate"
)

// EstateQuery asks what becomes of the files of a key, which is revoked; with
// neither Delete nor To it only asks which there are.
type EstateQuery struct {
	Owner  string `json:"owner"`            // the ID of the key that they were sent with
	Delete bool   `json:"delete,omitempty"` // they go
	To     string `json:"to,omitempty"`     // or belong to the key of this ID from now on
}

// Estate is the answer. What takes longer is done in several questions.
type Estate struct {
	Files int    `json:"files"`           // that there were, unfinished ones too
	Bytes int64  `json:"bytes"`           // of them all
	Left  int    `json:"left"`            // that there are still: ask again
	Busy  int    `json:"busy,omitempty"`  // of those left: somebody is at them now
	Error string `json:"error,omitempty"` // why one could not be done
}

// RequestEstate asks a transfer worker. ErrNoWorker: none runs.
func (ss services) RequestEstate(ctx context.Context, q EstateQuery, within time.Duration) (Estate, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return request[Estate](ctx, ss.c, WorkerTransfer, EndpointEstate, q)
}
