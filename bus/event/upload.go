package event

import "strconv"

// UploadCreated says that somebody began to send a file.
type UploadCreated struct {
	Upload    string `json:"upload"`     // names the file; it lets nobody read it
	Owner     string `json:"owner"`      // id of the key; empty: nobody knows
	Name      string `json:"name"`       // of the file, without what does not belong into one
	Size      int64  `json:"size"`       // in bytes; -1: not known yet
	CreatedAt int64  `json:"created_at"` // unix ms
}

// Topic implements Event.
func (UploadCreated) Topic() string { return "upload.created" }

// Resource implements Event.
func (e UploadCreated) Resource() string { return e.Upload }

// Key implements Event.
func (UploadCreated) Key() string { return "1" }

// UploadProgress says how far an upload is. It is a hint, on SubjectHints: it comes about
// once a second and upload, and may get lost.
type UploadProgress struct {
	Upload string `json:"upload"`
	Owner  string `json:"owner"`
	Name   string `json:"name"`
	Offset int64  `json:"offset"` // bytes that are kept
	Size   int64  `json:"size"`   // in bytes; -1: not known yet
}

// Topic implements Event.
func (UploadProgress) Topic() string { return "upload.progress" }

// Resource implements Event.
func (e UploadProgress) Resource() string { return e.Upload }

// Key implements Event.
func (e UploadProgress) Key() string { return strconv.FormatInt(e.Offset, 10) }

// UploadCompleted says that all of a file is there, and what it is.
type UploadCompleted struct {
	Upload      string `json:"upload"`
	Owner       string `json:"owner"`
	Name        string `json:"name"`
	Size        int64  `json:"size"`         // in bytes
	Type        string `json:"type"`         // media type, by what is in it
	SHA256      string `json:"sha256"`       // hexadecimal
	CreatedAt   int64  `json:"created_at"`   // unix ms
	CompletedAt int64  `json:"completed_at"` // unix ms
}

// Topic implements Event.
func (UploadCompleted) Topic() string { return "upload.completed" }

// Resource implements Event.
func (e UploadCompleted) Resource() string { return e.Upload }

// Key implements Event.
func (UploadCompleted) Key() string { return "1" }

// UploadRemoved says that a file, or what there was of it, is gone.
type UploadRemoved struct {
	Upload    string `json:"upload"`
	Owner     string `json:"owner"`
	Name      string `json:"name"`
	Size      int64  `json:"size"`       // in bytes; -1: it never was known
	Completed bool   `json:"completed"`  // all of it had been there
	RemovedAt int64  `json:"removed_at"` // unix ms
	Reason    string `json:"reason"`     // "deleted", "expired", "refused"
}

// Topic implements Event.
func (UploadRemoved) Topic() string { return "upload.removed" }

// Resource implements Event.
func (e UploadRemoved) Resource() string { return e.Upload }

// Key implements Event.
func (UploadRemoved) Key() string { return "1" }

// UploadCorrupt says that bytes which had been acknowledged are not on the disk
// as they were sent. What is good up to Offset is kept; an incomplete upload
// goes on from there.
type UploadCorrupt struct {
	Upload  string `json:"upload"`
	Owner   string `json:"owner"` // empty: nobody knows any more
	Name    string `json:"name"`
	Offset  int64  `json:"offset"`   // bytes that are good
	Lost    int64  `json:"lost"`     // bytes that had been acknowledged beyond; -1: nobody knows
	FoundAt int64  `json:"found_at"` // unix ms
	Reason  string `json:"reason"`   // for people
}

// Topic implements Event.
func (UploadCorrupt) Topic() string { return "upload.corrupt" }

// Resource implements Event.
func (e UploadCorrupt) Resource() string { return e.Upload }

// Key implements Event.
func (e UploadCorrupt) Key() string { return strconv.FormatInt(e.FoundAt, 10) }
