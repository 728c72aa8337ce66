package bus

import (
	"time"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/event"
)

// PublishHint says something that is of use only now, in the form of an event. It is
// not stored and not repeated, and on a subject of its own (event.SubjectHints); who
// listens gets it at once or never.
func PublishHint(b *Bus, ev Event) error {
	env, err := event.Seal(ev, b.name, time.Now())
	if err != nil {
		return err
	}
	return conn.Broadcast(b.conn, event.SubjectHints+env.Type+"."+env.Subject, "tell "+env.Type+" of "+env.Subject, env)
}
