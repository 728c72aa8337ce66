package store

// Stored is where the bytes of an upload in a bucket are.
type Stored struct {
	End    int64  `json:"end"`              // how many bytes count
	Data   string `json:"data,omitempty"`   // object with all bytes; empty: none yet
	Upload string `json:"upload,omitempty"` // id of the multipart upload; empty: none
	Parts  []Part `json:"parts,omitempty"`  // in their order
	Next   int32  `json:"next,omitempty"`   // the lowest part number that was never used
	Tail   string `json:"tail,omitempty"`   // object with the bytes after the parts; empty: none
}

// Part is a part of a multipart upload. Size is in bytes.
type Part struct {
	Number int32  `json:"n"`
	Size   int64  `json:"size"`
	ETag   string `json:"etag"`
}
