package store

// Damage is what was found damaged of an upload, until an event tells of it.
type Damage struct {
	Offset int64  `json:"offset"` // in bytes; what is before it is intact
	Lost   int64  `json:"lost"`   // how many bytes that had counted are damaged; -1: not known
	At     int64  `json:"at"`     // when it was found, in unix ms
	Reason string `json:"reason"` // for people
}

// FileLost is the name of the file with an upload's Damage as JSON, below the upload's
// name. Whoever has published it erases the file.
const FileLost = "lost"
