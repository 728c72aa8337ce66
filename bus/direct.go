package bus

import (
	"context"
	"fmt"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/event"
)

// subjectDirect carries questions to one worker: + its Bus.ID + "." + name.
const subjectDirect = "direct."

// Direct is a question for one worker. It is a piece of work that may take
// its time, and ends with ctx when who asked no longer wants it.
type Direct = conn.Direct

// Pipe carries messages between two workers, in order, while both are there. A
// worker that dies does not end it: who uses it must notice the silence.
type Pipe = conn.Pipe

// directs are questions to one worker.
type directs struct{ c *conn.Conn }

// ServeDirect answers direct questions of a name, each in a goroutine of its
// own, until stop is called or the Bus ends; stop waits for those at work,
// after their ctx ended. Questions that come with a pipe are not answered.
func (d directs) ServeDirect(name string, f func(ctx context.Context, q Direct) []byte) (stop func(), err error) {
	return conn.ServeDirect(d.c, subjectDirect+d.c.ID()+"."+name, name, f)
}

// RequestDirect asks one worker, by its Bus.ID, and waits until ctx ends.
// ErrNoWorker: it is not there.
func (d directs) RequestDirect(ctx context.Context, worker, name string, data []byte) ([]byte, error) {
	if !event.Token(worker) {
		return nil, fmt.Errorf("ask worker %q: %w", worker, ErrNoWorker)
	}
	return conn.RequestDirect(ctx, d.c, subjectDirect+worker+"."+name, "worker "+worker, data)
}

// DialDirect asks one worker with a pipe and returns this end of it.
func (d directs) DialDirect(ctx context.Context, worker, name string, data []byte) (*Pipe, error) {
	if !event.Token(worker) {
		return nil, fmt.Errorf("ask worker %q: %w", worker, ErrNoWorker)
	}
	return conn.DialDirect(ctx, d.c, subjectDirect+worker+"."+name, "worker "+worker, data)
}
