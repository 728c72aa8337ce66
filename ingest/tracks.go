package ingest

import (
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// tracks are those that a publisher of Enhanced RTMP sends: the first, of number 0, is
// taken, others are left out.
type tracks struct {
	log     *zap.Logger
	stats   *metrics
	first   bool   // there was something of the first, or of the only one
	further bool   // and of others...
	since   uint32 // ...with this timestamp at first
	broken  int    // messages that could not be read, since the last that could
}

// trackWait is how much of the media's time passes before a publisher whose first
// track does not come is refused, in ms.
const trackWait = 5000

// take gives what an enhanced tag has of the first track. There is no Data in it if
// that is nothing that matters.
func (k *tracks) take(t bus.Tag) (bus.Tag, error) {
	first, further, err := unwrap(t)
	if err != nil {
		k.stats.broken.Inc()
		if k.broken++; k.broken >= mostUnread {
			return bus.Tag{}, errEnhancedPackets
		}
		return bus.Tag{}, nil
	}
	k.broken = 0
	if further == 0 {
		return first, nil
	}
	k.stats.further.Add(float64(further))
	if !k.further {
		k.further, k.since = true, t.TS
		k.log.Info("the publisher sends more than one track: the first is taken, others are left out")
	}
	if !k.first && first.Data == nil && int32(t.TS-k.since) >= trackWait {
		return bus.Tag{}, errNoTrack
	}
	return first, nil
}
