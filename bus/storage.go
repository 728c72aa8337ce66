package bus

import (
	"context"
	"errors"
	"time"
)

// Names of the worker that is the embedded server, and of its endpoint that says
// whether what is live could be kept.
const (
	WorkerBus       = "bus"
	EndpointStorage = "storage"
)

// StorageQuery asks whether the embedded server of another process can store.
type StorageQuery struct{}

// Storage is the answer.
type Storage struct {
	Why string `json:"why,omitempty"` // why no stream may begin; empty: it may
}

// storageTime is how long the answer may take: who would publish waits for it.
const storageTime = 2 * time.Second

// NoStorage is why no stream may begin, as the process of the embedded server says;
// nil: it may, or nobody can tell, as with an operator's server.
func (ss services) NoStorage(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storageTime)
	defer cancel()
	s, err := request[Storage](ctx, ss.c, WorkerBus, EndpointStorage, StorageQuery{})
	if err != nil || s.Why == "" {
		return nil
	}
	return errors.New(s.Why)
}
