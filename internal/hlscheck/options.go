package hlscheck

import (
	"net/http"
	"time"

	"go.uber.org/zap"
)

// Options say how to watch. The zero value watches 20 s with the strictest tolerances.
type Options struct {
	Duration time.Duration // how long to watch; 0: 20 s. It ends earlier at the end of the stream
	Client   *http.Client  // nil: a plain one. Its redirect policy and timeout are not used
	Second   string        // another URL of the same master playlist, on another edge: its bytes must be the same
	Probe    string        // ffprobe; when set, what was downloaded is decoded too
	Log      *zap.Logger   // nil: none

	// Slack is what the machine and the network may add to any time; 0: 250 ms.
	Slack time.Duration
	// Late is how late a part may be, where a test's machine is busier than any
	// box that should serve people; 0: Slack.
	Late time.Duration
	// Outage is the longest time that the stream may stand still, or its server
	// be away, without that being a finding: for tests that kill things. What
	// comes after must fit what came before all the same.
	Outage time.Duration
}
