package hlscheck

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
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

// checker is one run of Check.
type checker struct {
	opts    Options
	client  *http.Client
	log     *zap.Logger
	rules   []Rule
	results *results
	started time.Time

	mu         sync.Mutex // guards what follows; not held over requests
	master     *Master
	masterURL  *url.URL
	secondURL  *url.URL              // nil without Options.Second
	renditions map[string]*rendition // by absolute URL
	order      []*rendition
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
	client := &http.Client{
		Transport: o.Client.Transport, Jar: o.Client.Jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	rules := Rules()
	c := &checker{opts: o, client: client, log: o.Log, rules: rules, results: newResults(rules), started: time.Now(), renditions: map[string]*rendition{}}
	var err error
	if c.masterURL, err = parseURL(masterURL); err != nil {
		return nil, err
	}
	if o.Second != "" {
		if c.secondURL, err = parseURL(o.Second); err != nil {
			return nil, err
		}
	}
	return c.run(ctx)
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("master playlist %q: give a URL like http://host:8080/hls/NAME/index.m3u8", s)
	}
	return u, nil
}

// masterEvery is how often the master playlist is read again.
const masterEvery = 2 * time.Second

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
			go func() { r.watch(watching, ctx); ended <- struct{}{} }()
		}
	}
	start(c.order)
	tick := time.NewTicker(masterEvery)
	defer tick.Stop()
	for running > 0 {
		select {
		case <-ended:
			running--
		case <-tick.C:
			if m, rep := c.getMaster(watching, false); m != nil {
				c.judgeMaster(m, rep)
				start(c.adopt(m))
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("watch %s: %w", c.masterURL, err)
	}
	c.probe(ctx)
	c.lastMaster(ctx)
	for i, rule := range c.rules {
		if rule.end != nil {
			rule.end(&verdict{c, i}, c)
		}
	}
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
			c.judgeMaster(m, rep)
			c.adopt(m)
			break
		}
		away := rep.status == http.StatusServiceUnavailable || rep.err != nil && c.opts.Outage > 0
		if !away || patience.Err() != nil {
			return fmt.Errorf("read master playlist %s: %s; is the stream live?", c.masterURL, rep.problem())
		}
		sleep.For(patience, 200*time.Millisecond)
	}
	c.getMaster(ctx, true)
	if len(c.order) == 0 {
		return fmt.Errorf("master playlist %s has no variants", c.masterURL)
	}
	return nil
}

// lastMaster reads the master playlist once more when the stream has ended: it
// is to be true of the last media.
func (c *checker) lastMaster(ctx context.Context) {
	if !slices.ContainsFunc(c.order, func(r *rendition) bool { return r.last != nil && r.last.Ended }) {
		return
	}
	if m, _ := c.getMaster(ctx, false); m != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.master = m
	}
}

func (c *checker) getMaster(ctx context.Context, identity bool) (*Master, *reply) {
	rep := c.get(ctx, request{purpose: forMaster, url: c.masterURL, identity: identity})
	if !rep.ok() || ctx.Err() != nil {
		return nil, rep
	}
	m, err := ParseMaster(string(rep.body))
	c.syntax(rep, err)
	if err != nil {
		rep.err = err
		return nil, rep
	}
	return m, rep
}

func (c *checker) judgeMaster(m *Master, rep *reply) {
	for i, rule := range c.rules {
		if rule.master != nil {
			rule.master(&verdict{c, i}, &mastering{m, rep})
		}
	}
}

// adopt makes m the master playlist and returns the renditions that are new
// in it. Those that are gone from it are told to stop.
func (c *checker) adopt(m *Master) (fresh []*rendition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.master = m
	named := map[string]bool{}
	for _, uri := range m.uris() {
		u, err := c.masterURL.Parse(uri)
		if err != nil {
			continue // ParseMaster has seen to it
		}
		key := u.String()
		named[key] = true
		if was := c.renditions[key]; was == nil || was.dropped.Load() {
			r := newRendition(c, uri, u)
			r.adopted = time.Now()
			c.renditions[key] = r
			c.order = append(c.order, r)
			fresh = append(fresh, r)
		}
	}
	for key, r := range c.renditions {
		if !named[key] {
			r.dropped.Store(true)
			r.droppedAt = time.Now()
			delete(c.renditions, key) // should it come back it is watched anew
			continue
		}
		r.audioOnly.Store(!m.hasVideo(c.masterURL, key))
	}
	return fresh
}

// uris lists the media playlists of a master playlist, each once.
func (m *Master) uris() (all []string) {
	seen := map[string]bool{"": true}
	add := func(uri string) {
		if !seen[uri] {
			seen[uri] = true
			all = append(all, uri)
		}
	}
	for _, v := range m.Variants {
		add(v.URI)
	}
	for _, x := range m.Media {
		add(x.URI)
	}
	return all
}

// hasVideo tells whether a variant whose playlist has the absolute URL key has video.
func (m *Master) hasVideo(base *url.URL, key string) bool {
	for _, v := range m.Variants {
		if u, err := base.Parse(v.URI); err == nil && u.String() == key && v.HasVideo() {
			return true
		}
	}
	return false
}

// others are the renditions that a list asked for at a time should report:
// those that the master playlist has had for a second by then. A list is
// written with its own parts, so for a moment it does not know of a new one.
func (c *checker) others(r *rendition, at time.Time) (all []*rendition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.order {
		if o != r && !o.dropped.Load() && o.adopted.Add(time.Second+c.opts.Slack).Before(at) {
			all = append(all, o)
		}
	}
	return all
}

// leaves tells whether a rendition was gone from the next master playlist
// after a time: a list that was read then may know already.
func (c *checker) leaves(r *rendition, at time.Time) bool {
	return r.dropped.Load() && r.droppedAt.Before(at.Add(masterEvery+2*c.opts.Slack+c.opts.Outage))
}

// ever tells whether an absolute URL was that of a rendition at any time. It
// is for the end: a list may name one that the master playlist was not read for yet.
func (c *checker) ever(u string) bool {
	for _, r := range c.order {
		if r.url.String() == u {
			return true
		}
	}
	return false
}

// gone tells whether the master playlist, read anew, no longer has a rendition.
func (c *checker) gone(ctx context.Context, r *rendition) bool {
	q := request{purpose: forMaster, url: c.masterURL, timeout: 5 * time.Second}
	rep := &reply{purpose: q.purpose, url: q.url.String()}
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	if rep.err = c.read(ctx, q, rep); !rep.ok() {
		return false
	}
	m, err := ParseMaster(string(rep.body))
	if err != nil {
		return false
	}
	for _, uri := range m.uris() {
		if u, err := c.masterURL.Parse(uri); err == nil && u.String() == r.url.String() {
			return false
		}
	}
	return true
}

// variants finds the variants whose own playlist a rendition is: none of one
// that is not made any more, or was not for a while and is watched anew.
func (c *checker) variants(r *rendition) (all []Variant) {
	if r.dropped.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.master.Variants {
		if u, err := c.masterURL.Parse(v.URI); err == nil && u.String() == r.url.String() {
			all = append(all, v)
		}
	}
	return all
}

// second is the same place on the second edge, nil when there is none.
func (c *checker) second(u *url.URL) *url.URL {
	dir := func(m *url.URL) string { return path.Dir(m.EscapedPath()) }
	if c.secondURL == nil || !strings.HasPrefix(u.EscapedPath(), dir(c.masterURL)) {
		return nil
	}
	other, err := c.secondURL.Parse(dir(c.secondURL) + strings.TrimPrefix(u.EscapedPath(), dir(c.masterURL)))
	if err != nil {
		return nil
	}
	return other
}

func (c *checker) report() *Report {
	rep := &Report{Master: c.masterURL.String(), Took: time.Since(c.started), Findings: c.results.findings, Results: c.results.rules}
	for _, r := range c.order {
		rep.Watched = append(rep.Watched, r.summary())
	}
	return rep
}
