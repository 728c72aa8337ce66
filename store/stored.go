package store

// Stored says where the bytes of an upload in a bucket are.
type Stored struct {
	End    int64  `json:"end"`              // how many count
	Data   string `json:"data,omitempty"`   // object that has them all; empty: there is none yet
	Upload string `json:"upload,omitempty"` // id of the multipart upload; empty: there is none
	Parts  []Part `json:"parts,omitempty"`  // in their order
	Next   int32  `json:"next,omitempty"`   // no part has had this number yet, nor a higher one
	Tail   string `json:"tail,omitempty"`   // object with what follows the parts; empty: nothing does
}

// Part is one of a multipart upload.
type Part struct {
	Number int32  `json:"n"`
	Size   int64  `json:"size"`
	ETag   string `json:"etag"`
}
