package store

// Damage is what was found damaged of an upload, to be told of.
type Damage struct {
	Offset int64  `json:"offset"` // up to where it is good, in bytes
	Lost   int64  `json:"lost"`   // how many bytes that had counted are not; -1: nobody knows
	At     int64  `json:"at"`     // when it was found, in unix ms
	Reason string `json:"reason"` // for people
}

// FileLost is the name of the file with an upload's damage, below the upload's
// name. Whoever has told of it erases it.
const FileLost = "lost"
