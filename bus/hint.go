package bus

import (
	"time"

	"github.com/helios-h2020/pse/bus/conn"
)

// subjectHints is where hints are: + domain.fact.resource. It is outside of
// what the log of events keeps.
const subjectHints = "hints.v1."

// Tell says something that is of use only now, in the form of an event. It is
// not stored and not repeated; who listens gets it at once or never.
func Tell(b *Bus, ev Event) error {
	env, err := seal(ev, b.name, time.Now())
	if err != nil {
		return err
	}
	return conn.Tell(b.conn, subjectHints+env.Type+"."+env.Subject, "tell "+env.Type+" of "+env.Subject, env)
}
