package transcode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/ffmpeg"
)

// job makes all renditions of one stream as long as it holds the lease. Its
// run goroutine owns everything here but live.
type job struct {
	b            *bus.Bus
	log          *zap.Logger
	m            *metrics
	sid, session string
	timeline     *timeline
	fanOut       *fanOut
	unplanned    []*bus.Chunk // the session's first, until it can be planned

	ending   bool // all media is read
	events   *bus.Outbox
	say      say // to events
	posters  *posters
	slots    *slots
	decoders *decoders
	slot     func()           // gives the slot back; nil: there was none, nothing is encoded
	publish  func(*rendition) // has a rendition's parts stored
	wg       sync.WaitGroup
	failed   chan error
	last     uint64 // log number of the last chunk read
	msnKept  uint64 // StreamRecord.NextMSN as far as we reserved
	discKept uint64 // StreamRecord.Discontinuities as far as we said

	mu      sync.Mutex // guards live
	live    *bus.StreamRecord
	changed chan struct{} // says that live changed
}

// factsPatience is how long a finished stream waits for its last events to be published.
const factsPatience = 5 * time.Second

// reserveMSN is how many media sequence numbers are reserved at a time.
const reserveMSN = 1000

// shared is what the jobs of a worker have together.
type shared struct {
	b        *bus.Bus
	m        *metrics
	opts     ffmpeg.Options
	slots    *slots
	decoders *decoders
	pictures chan struct{} // holds one: a worker makes one picture at a time, over all streams
}

func newJob(w shared, log *zap.Logger, live *bus.StreamRecord) *job {
	log = log.With(zap.String("stream", live.Name))
	events := bus.NewOutbox(w.b, nil, log)
	p := newPosters(w.b, log, live.SID, w.opts, w.pictures)
	return &job{
		b: w.b, log: log, m: w.m, sid: live.SID, session: live.Session, live: live, slots: w.slots, decoders: w.decoders, events: events, say: sayTo(events), posters: p,
		fanOut: &fanOut{log: log, m: w.m, opts: w.opts, posters: p, renditions: map[string]*rendition{}, events: make(chan ffmpeg.Event, 64)},
		failed: make(chan error, 1), changed: make(chan struct{}, 1),
	}
}

// update tells the job of a change of its stream's record.
func (j *job) update(l *bus.StreamRecord) {
	j.mu.Lock()
	j.live = l
	j.mu.Unlock()
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

func (j *job) record() *bus.StreamRecord {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.live
}

// run works until the stream is finished (errFinished), another session took
// its name (errReplaced), ctx ends or something fails. Starting is always resuming.
func (j *job) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer j.wg.Wait()
	defer j.fanOut.stop()
	defer cancel()
	j.publish = func(r *rendition) { j.store(ctx, r) }
	j.acquireSlot(ctx)
	defer func() {
		if j.slot != nil {
			j.slot()
		}
	}()
	from, err := j.resume(ctx)
	if err != nil {
		return err
	}
	reader, err := j.b.FollowMedia(ctx, j.sid, from)
	if err != nil {
		return err
	}
	defer reader.Stop()
	chunks := make(chan *bus.Chunk)
	j.wg.Go(func() { j.read(ctx, reader, chunks) })
	j.wg.Go(func() { j.events.Run(ctx) })
	j.wg.Go(func() { j.posters.run(ctx) })
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		in := chunks
		if j.ending || j.fanOut.behind() {
			in = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-j.failed:
			return err
		case c := <-in:
			if err := j.chunk(c); err != nil {
				return err
			}
			if err := j.reserve(ctx); err != nil {
				return err
			}
			continue
		case e := <-j.fanOut.events:
			j.fanOut.event(e)
			if !j.fanOut.supervise() || !j.ending {
				continue
			}
		case <-j.changed:
		case <-tick.C:
		}
		if err := j.step(ctx); err != nil {
			return err
		}
	}
}

// step does what the stream's record, the slots and the children ask for.
func (j *job) step(ctx context.Context) error {
	live := j.record()
	if live.Session != j.session {
		return errReplaced
	}
	if j.slot == nil && j.acquireSlot(ctx) {
		j.upgrade()
	}
	done := j.fanOut.supervise()
	switch {
	case live.State != bus.StateEnded:
	case j.ending && done:
		return j.finish(ctx)
	case !j.ending && j.consumed(ctx, live):
		return j.end()
	}
	return nil
}

func (j *job) read(ctx context.Context, r *bus.MediaReader, out chan<- *bus.Chunk) {
	for {
		c, err := r.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			j.fail(err)
			return
		}
		select {
		case out <- c:
		case <-ctx.Done():
			return
		}
	}
}

func (j *job) fail(err error) {
	select {
	case j.failed <- err:
	default:
	}
}

func (j *job) chunk(c *bus.Chunk) error {
	j.last = c.Seq
	if !c.Of(j.session, j.record().StartedAt) {
		return nil // of another session
	}
	if j.timeline.s.PartTarget == 0 {
		if n := len(j.unplanned); n > 0 && !after(c, j.unplanned[n-1]) {
			return nil // stored twice
		}
		j.unplanned = append(j.unplanned, c)
		if c.DTS-j.unplanned[0].DTS < planMedia {
			return nil
		}
		return j.plan()
	}
	return j.timeline.chunk(c)
}

// after reports that a chunk comes later in the session than another.
func after(c, o *bus.Chunk) bool { return c.Epoch > o.Epoch || c.Epoch == o.Epoch && c.N > o.N }

// plan decides on the session's constants and reads what was held back for it.
func (j *job) plan() error {
	j.timeline.plan(j.unplanned)
	for _, c := range j.unplanned {
		if err := j.timeline.chunk(c); err != nil {
			return err
		}
	}
	j.unplanned = nil
	return nil
}

// reserve keeps StreamRecord.NextMSN ahead of what is used.
func (j *job) reserve(ctx context.Context) error {
	if j.timeline.s.Period == 0 || j.timeline.s.NextMSN+reserveMSN/2 < j.msnKept && j.timeline.s.Disc <= j.discKept {
		return nil
	}
	return j.keepNumbers(ctx, j.timeline.s.NextMSN+reserveMSN)
}

// keepNumbers has the record tell which numbers may have been used: the next
// media sequence number that was not for sure, and all discontinuities.
func (j *job) keepNumbers(ctx context.Context, next uint64) error {
	_, err := j.b.UpdateStreamRecord(ctx, j.sid, func(l *bus.StreamRecord) error {
		if l.Session != j.session {
			return errReplaced
		}
		l.NextMSN, l.Discontinuities = next, max(l.Discontinuities, j.timeline.s.Disc)
		return nil
	})
	if err == nil {
		j.msnKept, j.discKept = next, j.timeline.s.Disc
	}
	return err
}

// consumed reports that an ended stream's media has been read to its end, or is gone from the log.
func (j *job) consumed(ctx context.Context, live *bus.StreamRecord) bool {
	if j.last >= live.LastMedia {
		return true
	}
	last, err := j.b.LastChunk(ctx, j.sid)
	if errors.Is(err, bus.ErrNotFound) {
		return true
	}
	return err == nil && last.Seq <= j.last
}

// end closes the timeline when all media is read.
func (j *job) end() error {
	if j.unplanned != nil {
		if err := j.plan(); err != nil {
			return err
		}
	}
	j.timeline.finish()
	j.ending = true
	return nil
}

// finish ends every rendition whose end is not in the parts log: first when all
// parts are, so that an end says that nothing is missing in any.
func (j *job) finish(ctx context.Context) error {
	var stored []chan struct{}
	for _, r := range j.fanOut.renditions {
		if !r.ended {
			all := make(chan struct{})
			r.pub.push(nil, func() { close(all) })
			stored = append(stored, all)
		}
	}
	for _, all := range stored {
		if err := j.await(ctx, all); err != nil {
			return err
		}
	}
	for _, r := range j.fanOut.renditions {
		said := make(chan struct{})
		if !r.finish(func() { close(said) }) {
			continue
		}
		if err := j.await(ctx, said); err != nil {
			return err
		}
	}
	if err := j.keepNumbers(ctx, j.timeline.s.NextMSN+1); err != nil {
		return err
	}
	told, cancel := context.WithTimeout(ctx, factsPatience)
	defer cancel()
	if j.events.Flush(told) != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return errFinished
}

// await waits for what is to be stored, as long as the session is the name's.
func (j *job) await(ctx context.Context, stored <-chan struct{}) error {
	for {
		select {
		case <-stored:
			return nil
		case err := <-j.failed:
			return err
		case <-j.changed:
			if j.record().Session != j.session {
				return errReplaced
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// acquireSlot takes a slot for what the stream's record says it costs. What cannot be decoded gets none.
func (j *job) acquireSlot(ctx context.Context) bool {
	live := j.record()
	if !j.decoders.can(ctx, live.VideoCodec) {
		return false
	}
	give, ok := j.slots.acquire(cost(profileOf(live.App), live.VideoCodec, live.Width, live.Height, live.FPS))
	if ok {
		j.slot = give
	}
	return ok
}

// upgrade has a stream that only passed through encoded from the next segment on.
func (j *job) upgrade() {
	j.timeline.passOnly, j.fanOut.encode = false, true
	if g := j.timeline.period; g != nil && g.mode == passthrough { // else the next period has them
		j.log.Info("a slot is free: encoding from now on")
		j.fanOut.upgrade(g, j.timeline.recent)
	}
}

// newRendition is a rendition whose last message in the parts log is after.
func (j *job) newRendition(name string, after uint64) *rendition {
	r := &rendition{sid: j.sid, name: j.record().Name, checkpoints: &j.timeline.checkpoints, say: j.say, m: j.m, pub: newPublisher(j.b, after), ready: -1, peers: j.fanOut.renditions}
	r.spec.name = name
	return r
}

// store runs a rendition's publisher.
func (j *job) store(ctx context.Context, r *rendition) {
	j.wg.Go(func() {
		if err := r.pub.run(ctx); err != nil && ctx.Err() == nil {
			j.fail(fmt.Errorf("stream %s: %w", j.sid, err))
		}
	})
}
