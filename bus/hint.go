package bus

import (
	"encoding/json"
	"fmt"
	"time"
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
	data, err := json.Marshal(env)
	if err != nil {
		return fmt.Errorf("tell %s: %w", env.Type, err)
	}
	if err := b.conn.NATS().Publish(subjectHints+env.Type+"."+env.Subject, data); err != nil {
		return fmt.Errorf("tell %s of %s: %w", env.Type, env.Subject, err)
	}
	return nil
}
