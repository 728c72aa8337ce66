package store

// Removal is why and when an upload was removed. Reason is one of RemovedBy...
type Removal struct {
	Reason string `json:"reason"`
	At     int64  `json:"at"` // unix ms
}

// Why an upload was removed.
const (
	RemovedBySender = "deleted" // its sender deleted it
	RemovedByAge    = "expired" // it expired, or got no byte for too long
	RemovedByHook   = "refused" // a hook refused it
	RemovedByOwner  = "revoked" // its owner's key was revoked
)
