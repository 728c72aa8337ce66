package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
)

// leastConsumers is how many readers one log has on a home's busy day: of the source
// one for each stream, of events one for each subscription. An account's max_consumers
// counts those of each log by itself (findings/nats-account-max-consumers.sh).
const leastConsumers = 64

// sayFewConsumers says when an account lets too few consumers be made: the first are
// made all the same, and the one too many would fail under a stream.
func sayFewConsumers(ctx context.Context, c *conn.Conn, log *zap.Logger) {
	ctx, cancel := context.WithTimeout(ctx, conn.RequestTimeout)
	defer cancel()
	a, err := c.JetStream().AccountInfo(ctx)
	if err != nil {
		return // who may not ask finds out
	}
	all := map[string]jetstream.AccountLimits{"": a.Limits}
	for tier, t := range a.Tiers {
		all[" (tier "+tier+")"] = t.Limits
	}
	for tier, l := range all {
		if l.MaxConsumers > 0 && l.MaxConsumers < leastConsumers {
			log.Warn("the account lets a log have few readers; raise max_consumers, each takes one",
				zap.String("max_consumers", fmt.Sprint(l.MaxConsumers, tier)), zap.Int("wanted", leastConsumers))
		}
	}
}
