package transfer

import (
	"path"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/store/bucket"
	"github.com/helios-h2020/pse/store/folder"
)

// openBackend opens the configured backend: a folder, or a bucket.
func openBackend(cfg Config, log *zap.Logger) (store.Backend, error) {
	if cfg.S3.Bucket != "" {
		return bucket.Open(cfg.S3, path.Join(cfg.Dir, "parts"), cfg.StallTimeout, log)
	}
	return folder.Open(cfg.Dir, cfg.Sync, cfg.Floor())
}
