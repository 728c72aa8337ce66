package store

// Removal is why and when an upload was removed.
type Removal struct {
	Reason string `json:"reason"`
	At     int64  `json:"at"` // unix ms
}

// Why an upload was removed.
const (
	RemovedBySender = "deleted" // who sent it deleted it
	RemovedByAge    = "expired" // it was there for too long, or got nothing for too long
	RemovedByHook   = "refused" // who was asked about it does not want it
	RemovedByOwner  = "revoked" // its owner's key was revoked
)
