package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/helios-h2020/pse/internal/sleep"
)

// What systemd is told of a unit with Type=notify (sd_notify(3)). Without
// systemd all of it does nothing.

func started() { _, _ = daemon.SdNotify(false, daemon.SdNotifyReady) }

func stopping() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }

// reloading says that a reload begins; the function it returns, that it is over.
func reloading() (done func()) {
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReloading)
	return started
}

// watchdog tells systemd that the program lives, as often as WatchdogSec wants,
// as long as alive returns, until ctx ends.
func watchdog(ctx context.Context, alive func()) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	for sleep.For(ctx, max(every/3, time.Millisecond)) {
		alive()
		_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
	}
}
