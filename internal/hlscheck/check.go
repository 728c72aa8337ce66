package hlscheck

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

// checker is one run of Check.
type checker struct {
	opts    Options
	log     *zap.Logger
	stream  *stream
	judge   *judge
	client  *client
	started time.Time
}

// Check watches the stream of a master playlist and reports on it. An error
// says that there was nothing to watch; a broken stream is no error.
func Check(ctx context.Context, masterURL string, o Options) (*Report, error) {
	if o.Duration == 0 {
		o.Duration = 20 * time.Second
	}
	if o.Slack == 0 {
		o.Slack = 250 * time.Millisecond
	}
	if o.Late == 0 {
		o.Late = o.Slack
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Client == nil {
		o.Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, ForceAttemptHTTP2: true}}
		defer o.Client.CloseIdleConnections()
	}
	master, err := parseURL(masterURL)
	if err != nil {
		return nil, err
	}
	var second *url.URL
	if o.Second != "" {
		if second, err = parseURL(o.Second); err != nil {
			return nil, err
		}
	}
	stream := newStream(&o, master, second)
	judge := newJudge(o, stream)
	c := &checker{opts: o, log: o.Log, stream: stream, judge: judge, client: newClient(o.Client, judge), started: time.Now()}
	return c.run(ctx)
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("master playlist %q: give a URL like http://host:8080/hls/NAME/index.m3u8", s)
	}
	return u, nil
}

func (c *checker) run(ctx context.Context) (*Report, error) {
	if err := c.firstMaster(ctx); err != nil {
		return nil, err
	}
	watching, cancel := context.WithTimeout(ctx, c.opts.Duration)
	defer cancel()
	ended := make(chan struct{}) // gets one for each rendition whose watch has ended
	running := 0
	start := func(fresh []*rendition) {
		for _, r := range fresh {
			running++
			w := &watcher{rendition: r, client: c.client, judge: c.judge, stream: c.stream, log: c.log}
			go func() { w.watch(watching, ctx); ended <- struct{}{} }()
		}
	}
	start(c.stream.order)
	tick := time.NewTicker(masterEvery)
	defer tick.Stop()
	for running > 0 {
		select {
		case <-ended:
			running--
		case <-tick.C:
			if m, rep := c.getMaster(watching, false); m != nil {
				c.judge.master(m, rep)
				start(c.stream.adopt(m))
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("watch %s: %w", c.stream.url, err)
	}
	for _, r := range c.stream.order {
		r.decode(ctx, c.opts.Probe)
	}
	c.lastMaster(ctx)
	c.judge.end()
	return c.report(), nil
}

// firstMaster reads the master playlist, packed and plain. A stream that has
// just begun may answer 503 for a while.
func (c *checker) firstMaster(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, max(15*time.Second, c.opts.Outage))
	defer cancel()
	for {
		m, rep := c.getMaster(patience, false)
		if m != nil {
			c.judge.master(m, rep)
			c.stream.adopt(m)
			break
		}
		away := rep.status == http.StatusServiceUnavailable || rep.err != nil && c.opts.Outage > 0
		if !away || patience.Err() != nil {
			return fmt.Errorf("read master playlist %s: %s; is the stream live?", c.stream.url, rep.problem())
		}
		sleep.For(patience, 200*time.Millisecond)
	}
	c.getMaster(ctx, true)
	if len(c.stream.order) == 0 {
		return fmt.Errorf("master playlist %s has no variants", c.stream.url)
	}
	return nil
}

// lastMaster reads the master playlist once more when the stream has ended: it
// is to be true of the last media.
func (c *checker) lastMaster(ctx context.Context) {
	if !slices.ContainsFunc(c.stream.order, func(r *rendition) bool { return r.last != nil && r.last.Ended }) {
		return
	}
	if m, _ := c.getMaster(ctx, false); m != nil {
		c.stream.update(m)
	}
}

func (c *checker) getMaster(ctx context.Context, identity bool) (*Master, *reply) {
	rep := c.client.get(ctx, request{purpose: forMaster, url: c.stream.url, identity: identity})
	if !rep.ok() || ctx.Err() != nil {
		return nil, rep
	}
	m, err := ParseMaster(string(rep.body))
	c.judge.syntax(rep, err)
	if err != nil {
		rep.err = err
		return nil, rep
	}
	return m, rep
}

func (c *checker) report() *Report {
	rep := &Report{Master: c.stream.url.String(), Took: time.Since(c.started), Findings: c.judge.results.findings, Results: c.judge.results.rules}
	for _, r := range c.stream.order {
		rep.Watched = append(rep.Watched, r.summary())
	}
	return rep
}
