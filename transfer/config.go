package transfer

import (
	"fmt"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/store/bucket"
	"github.com/helios-h2020/pse/store/folder"
)

// Config configures file transfer.
type Config struct {
	Dir  string        `yaml:"dir"`  // directory of the store; empty: files in the data directory
	S3   bucket.Config `yaml:"s3"`   // a bucket for the store instead
	Open bool          `yaml:"open"` // sending needs no key
	// GetByUploadURL serves files under their upload's own URL too, not only under
	// links. That URL also lets its holder append to an incomplete file, and delete it.
	GetByUploadURL bool `yaml:"get_by_upload_url"`

	MaxSize    int64 `yaml:"max_size"`    // bytes of one file; 0: no limit
	OwnerQuota int64 `yaml:"owner_quota"` // bytes of one owner's files, announced lengths included; 0: no limit
	TotalQuota int64 `yaml:"total_quota"` // bytes of all files; 0: no limit
	MaxFiles   int   `yaml:"max_files"`   // number of files in the store
	LeaveFree  int64 `yaml:"leave_free"`  // bytes of Dir's disk that files leave free (of a small disk a tenth at most) for streams, the bus and the system; 0: none

	IncompleteFor time.Duration `yaml:"incomplete_for"` // an upload that gets no byte for so long is removed
	Keep          time.Duration `yaml:"keep"`           // a complete file is removed after so long; 0: never

	Recheck     time.Duration `yaml:"recheck"`      // a complete file in Dir is verified again after so long; 0: never
	RecheckRate int64         `yaml:"recheck_rate"` // bytes a second that are read to verify files

	Sync         string        `yaml:"sync"`          // what outlives a power failure: "always" every acknowledged byte, "complete" complete files, "never" nothing for certain
	Follow       bool          `yaml:"follow"`        // receivers can follow files that are still being sent
	StallTimeout time.Duration `yaml:"stall_timeout"` // a connection on which no byte moves for so long is closed
	FollowWait   time.Duration `yaml:"follow_wait"`   // how long a receiver waits for the next byte of a growing file
	LockWait     time.Duration `yaml:"lock_wait"`     // how long a request waits for the upload's lock, which the sender's own dead connection may hold

	Origins        []string `yaml:"origins"`         // origins of pages that may send (CORS), as https://example.org; none: all
	TrustedProxies []string `yaml:"trusted_proxies"` // deprecated: http.trusted_proxies holds for everything HTTP

	Upload   bus.HookConfig `yaml:"upload"`    // the hook before an upload is created
	Complete bus.HookConfig `yaml:"complete"`  // the hook before a file is complete
	HooksDir string         `yaml:"hooks_dir"` // executables named after tusd's hooks
}

// DefaultConfig is the default configuration.
func DefaultConfig() Config {
	return Config{
		S3:       bucket.Config{PartSize: 8 << 20},
		MaxFiles: 100_000, LeaveFree: 2 << 30, IncompleteFor: 7 * 24 * time.Hour,
		Recheck: 30 * 24 * time.Hour, RecheckRate: 8 << 20,
		Sync: folder.SyncComplete, Follow: true, StallTimeout: time.Minute, FollowWait: 10 * time.Minute, LockWait: 10 * time.Second,
		TrustedProxies: []string{"127.0.0.0/8", "::1/128"},
		Upload:         bus.HookConfig{Timeout: 5 * time.Second}, Complete: bus.HookConfig{Timeout: time.Minute},
	}
}

// Validate is the first error in the configuration, with what to write instead.
func (c Config) Validate() error {
	switch {
	case c.MaxSize < 0 || c.OwnerQuota < 0 || c.TotalQuota < 0:
		return fmt.Errorf("transfer.max_size, owner_quota and total_quota are %d, %d and %d; use bytes, or 0 for no limit", c.MaxSize, c.OwnerQuota, c.TotalQuota)
	case c.LeaveFree < 0:
		return fmt.Errorf("transfer.leave_free is %d; use bytes, or 0 to let files fill the disk", c.LeaveFree)
	case c.MaxFiles < 1:
		return fmt.Errorf("transfer.max_files is %d; use at least 1", c.MaxFiles)
	case c.IncompleteFor < time.Minute:
		return fmt.Errorf("transfer.incomplete_for is %s; use at least 1m, or nobody resumes", c.IncompleteFor)
	case c.Keep < 0:
		return fmt.Errorf("transfer.keep is %s; use a time, or 0s to keep files for ever", c.Keep)
	case c.Recheck < 0 || c.RecheckRate < 64<<10:
		return fmt.Errorf("transfer.recheck and recheck_rate are %s and %d; use a time, or 0s to check files only when they come, and at least 65536 bytes a second", c.Recheck, c.RecheckRate)
	case c.Sync != folder.SyncAlways && c.Sync != folder.SyncComplete && c.Sync != folder.SyncNever:
		return fmt.Errorf("transfer.sync is %q; use always, complete or never", c.Sync)
	case c.StallTimeout < time.Second || c.FollowWait < time.Second || c.LockWait < 100*time.Millisecond:
		return fmt.Errorf("transfer.stall_timeout, follow_wait and lock_wait are %s, %s and %s; use at least 1s, 1s and 100ms", c.StallTimeout, c.FollowWait, c.LockWait)
	}
	if err := c.S3.Validate(); err != nil {
		return err
	}
	if _, err := limit.Prefixes(c.TrustedProxies); err != nil {
		return fmt.Errorf("transfer.trusted_proxies: %w", err)
	}
	return nil
}

// Floor is the free space that files leave on the disk of Dir; none with a bucket.
func (c Config) Floor() disk.Floor {
	if c.S3.Bucket != "" {
		return disk.Floor{}
	}
	return disk.Floor{Path: c.Dir, Bytes: c.LeaveFree, Share: 10}
}
