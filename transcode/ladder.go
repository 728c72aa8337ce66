package transcode

import (
	"context"
	"runtime"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/transcode/cmaf"
	"github.com/helios-h2020/pse/transcode/ffmpeg"
)

// ladder encodes one period of a stream: it feeds ffmpeg, gives what comes
// to the renditions, and starts another ffmpeg where one died: fed from the
// last key frame at or before what is missing and trimmed to it. Only its
// job's goroutine touches it.
type ladder struct {
	opts    ffmpeg.Options
	log     *zap.Logger
	m       *metrics
	period  *period
	outs    []*rendition
	events  chan<- ffmpeg.Event
	posters *posters

	fed        []cmaf.Frame // the source from the last key frame on that a restart needs
	base       int64        // stream clock of ffmpeg's 0, ms
	child      *ffmpeg.Child
	repeated   int64 // up to where the last picture was repeated, ms
	ended      bool  // all of the period has been fed
	done       bool
	short      int       // children that ended well and too early
	retry      time.Time // when to start the next child
	wait       time.Duration
	patience   time.Duration // how long the child may be silent; more after each that was: a busy machine is slow
	lastOutput time.Time     // last sign of life, or of nothing to do
	lagSince   time.Time     // since when the child has been behind; zero: it is not
	hungAt     time.Time     // when a child last hung; zero: none has since a rendition was given up
}

const (
	ladderHang  = 5 * time.Second  // without output while input goes on: it hangs
	ladderCalm  = 40 * time.Second // the same, after others that did
	ladderAgain = time.Minute      // a second child that hangs within it: the machine cannot carry so much
	ladderLag   = 5000             // ms of media that may wait for ffmpeg
	ladderSlow  = 10 * time.Second // that it may be so for
	ladderShort = 3                // children that may end early before what there is is taken for all
	ladderRest  = 300              // ms that the last picture may be before the end, for pictures that do not decode
	ladderRetry = 3 * time.Second  // longest pause between two children
	// ladderClock is how far ffmpeg's clock may run before a new child starts at 0: FLV times are 32 bits.
	ladderClock = 1 << 30
	// baseStep lets every key frame grid fall on the same places of ffmpeg's clock.
	baseStep = 60_000
)

// feed takes the next picture of the source.
func (l *ladder) feed(ctx context.Context, f cmaf.Frame) {
	l.fed = append(l.fed, f)
	if l.child == nil {
		return
	}
	if f.DTS-l.base > ladderClock && f.Key {
		l.log.Info("ffmpeg's clock starts anew")
		l.stop()
		l.start(ctx)
		return
	}
	l.write(f)
}

// write gives the child a picture, on its own clock.
func (l *ladder) write(f cmaf.Frame) {
	f.DTS, f.PTS = f.DTS-l.base, f.PTS-l.base
	l.child.Feed(f)
}

// repeat has the last picture once more, at a later time: the whole GOP again,
// which leaves the decoder as it was. The grid's rate filter fills the time between.
func (l *ladder) repeat(gop []cmaf.Frame, clock int64) {
	l.repeated = clock
	if l.child == nil {
		return
	}
	for _, f := range gop {
		f.DTS, f.PTS = clock, clock
		l.write(f)
	}
}

// end says that the period is over.
func (l *ladder) end() {
	l.ended = true
	if l.child != nil {
		l.child.Finish()
	}
}

// start runs a child that makes what the renditions lack.
func (l *ladder) start(ctx context.Context) {
	if len(l.outs) == 0 {
		l.done = l.ended
		return
	}
	if len(l.fed) == 0 {
		if l.ended {
			l.finish()
		}
		return
	}
	l.trim()
	l.base = l.fed[0].DTS / baseStep * baseStep
	outs := make([]ffmpeg.Output, len(l.outs))
	for i, r := range l.outs {
		spec := r.trackOf(l.period).spec
		outs[i] = ffmpeg.Output{Width: spec.width, Height: spec.height, Kbps: spec.rung.Kbps, Start: max(r.firstMissing(l.period), l.period.start.pts) - l.base}
	}
	threads := 1
	if runtime.NumCPU() == 1 || len(outs) < runtime.NumCPU()/2 {
		threads = max(1, runtime.NumCPU()/(2*len(outs)))
	}
	child, err := ffmpeg.Start(ctx, l.opts, ffmpeg.Encoding{Source: l.period.video, Frame: l.period.frameMillis, Outputs: outs, Grid: l.period.grid(), Threads: threads}, l.events, l.log)
	if err != nil {
		l.failed(err)
		return
	}
	l.child, l.lastOutput, l.lagSince = child, time.Now(), time.Time{}
	for _, f := range l.fed {
		l.write(f)
	}
	if last := l.fed[len(l.fed)-1].DTS; l.repeated > last {
		l.repeat(l.fed, l.repeated)
	}
	if l.ended {
		child.Finish()
	}
}

// trim forgets pictures that no restart needs.
func (l *ladder) trim() {
	need := int64(-1)
	for _, r := range l.outs {
		if w := r.firstMissing(l.period); need < 0 || w < need {
			need = w
		}
	}
	from := 0
	for i, f := range l.fed {
		if f.Key && f.PTS <= need {
			from = i
		}
	}
	if from > 0 {
		l.fed = append(l.fed[:0:0], l.fed[from:]...)
	}
}

// event takes what the child made.
func (l *ladder) event(e ffmpeg.Event) {
	if e.Child != l.child {
		return // of one that was stopped
	}
	if e.JPEG != nil {
		l.posters.offerPicture([]string{ffmpeg.Large: sizeLarge, ffmpeg.Small: sizeSmall}[e.Output], e.JPEG)
		return
	}
	l.lastOutput = time.Now()
	switch {
	case e.Config != nil:
		l.outs[e.Output].config(l.period, e.Config)
	case e.Frames != nil:
		r := l.outs[e.Output]
		for _, f := range e.Frames {
			f.DTS, f.PTS = f.DTS+l.base, f.PTS+l.base
			r.picture(l.period, f)
			if f.Key {
				l.trim()
				l.wait, l.patience = 0, 0
			}
		}
		l.child.SetPartDeadline(e.Output, r.partDeadline(l.period)-l.base)
	case e.End:
		l.child.Close()
		l.child = nil
		if l.ended && e.Err == nil && (l.complete() || l.short >= ladderShort) {
			l.finish()
			return
		}
		if l.ended && e.Err == nil {
			l.short++
			e.Err = errShort
		}
		l.failed(e.Err)
	}
}

// complete reports that every rendition has its pictures up to the period's end.
func (l *ladder) complete() bool {
	for _, r := range l.outs {
		if l.period.endPTS-r.lastTimestamp(l.period) > ladderRest+2*l.period.frameMillis {
			return false
		}
	}
	return true
}

// finish tells the renditions that all pictures have come.
func (l *ladder) finish() {
	l.done = true
	for _, r := range l.outs {
		r.picturesEnded(l.period)
	}
}

// failed forgets what is unfinished and plans another child.
func (l *ladder) failed(err error) {
	l.log.Warn("ffmpeg ended, starting another", zap.Error(err), zap.Duration("after", l.wait))
	l.m.deaths.Inc()
	l.rewind()
	l.retry = time.Now().Add(l.wait)
	l.wait = min(max(2*l.wait, 50*time.Millisecond), ladderRetry)
}

func (l *ladder) rewind() {
	for _, r := range l.outs {
		r.rewind(l.period)
	}
}

// stop kills the child, if there is one.
func (l *ladder) stop() {
	if l.child != nil {
		l.child.Close()
		l.child = nil
		l.rewind()
	}
}

// supervise starts a child that is due, and ends one that hangs or cannot keep up.
func (l *ladder) supervise(ctx context.Context) {
	now := time.Now()
	if l.child == nil {
		if !l.done && now.After(l.retry) {
			l.start(ctx)
		}
		return
	}
	lag := l.child.Lag()
	if lag == 0 && !l.ended {
		l.lastOutput = now
	}
	l.patience = max(l.patience, ladderHang)
	if now.Sub(l.lastOutput) > l.patience {
		l.patience = min(2*l.patience, ladderCalm)
		if now.Sub(l.hungAt) < ladderAgain {
			l.shed(ctx, errHang)
			return
		}
		l.hungAt = now
		l.stop()
		l.failed(errHang)
		return
	}
	switch {
	case lag < ladderLag || l.ended:
		l.lagSince = time.Time{}
	case l.lagSince.IsZero():
		l.lagSince = now
	case now.Sub(l.lagSince) > ladderSlow:
		l.shed(ctx, errSlow)
	}
}

// shed gives the heaviest rendition up, for good: the others live.
func (l *ladder) shed(ctx context.Context, why error) {
	at := 0
	for i, r := range l.outs {
		if r.trackOf(l.period).spec.weight() > l.outs[at].trackOf(l.period).spec.weight() {
			at = i
		}
	}
	l.log.Warn("this machine cannot keep up, one rendition less", zap.String("rendition", l.outs[at].spec.name), zap.Error(why))
	l.m.shed.Inc()
	l.hungAt = time.Time{}
	l.stop()
	l.outs[at].abandon()
	l.outs = append(l.outs[:at:at], l.outs[at+1:]...)
	l.start(ctx)
}
