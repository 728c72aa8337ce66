package folder

// What outlives a power failure. All that was acknowledged outlives the process,
// whatever is chosen.
const (
	SyncAlways   = "always"   // what is acknowledged
	SyncComplete = "complete" // complete files
	SyncNever    = "never"    // nothing surely
)
