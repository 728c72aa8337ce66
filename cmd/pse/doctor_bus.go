package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// lookAtBus reaches the bus as workers do, and reads its server's clock.
func lookAtBus(ctx context.Context, l *loaded) (finding, []reading) {
	const name, next = "bus", "correct bus.url (--bus) and what goes with it, or mend the server it names"
	at, err := l.Bus.reach()
	if err != nil {
		return failedBy(name, err, next), nil
	}
	where := bus.Redact(at)
	if at == "" {
		where = "of pse serve"
		text, err := os.ReadFile(busFile(l.Data))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return well(name, "in the process of pse serve"), nil
		case err != nil:
			return failed(name, err.Error(), "run pse doctor as the user who runs pse serve"), nil
		}
		at = strings.TrimSpace(string(text))
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	b, err := bus.Connect(ctx, l.Bus.options(at, "pse-doctor"), zap.NewNop())
	if err != nil {
		return failedBy(name, err, next), nil
	}
	defer b.Close()
	before := time.Now()
	there, err := b.Time(ctx)
	if err != nil {
		return failedBy(name, err, next), nil
	}
	return well(name, where+" answers, and has all logs"), []reading{read("the bus's server", there, before, time.Now())}
}
