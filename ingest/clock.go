package ingest

import "time"

// now is the time of day in unix ms.
func now() int64 { return time.Now().UnixMilli() }
