package main

import (
	"errors"
	"os/exec"
	"time"

	"github.com/helios-h2020/pse/internal/hlscheck"
)

type hlsCommand struct {
	Check hlsCheck `cmd:"" help:"Watch a stream and hold it against every rule of low-latency HLS."`
}

type hlsCheck struct {
	URL    string        `arg:"" help:"The master playlist: http://host:8080/hls/NAME/index.m3u8"`
	For    time.Duration `default:"20s" help:"How long to watch."`
	All    bool          `help:"Print also the rules that held."`
	Second string        `help:"The same playlist at another edge, which must answer the same bytes." placeholder:"URL"`
}

var errFindings = errors.New("the stream breaks rules; see above")

// Run checks and prints what was found, and what could not be looked at.
func (c *hlsCheck) Run(s *scope) error {
	probe, err := exec.LookPath("ffprobe")
	if err != nil {
		probe = "" // the deeper look into the media is left out, and listed as such
	}
	report, err := hlscheck.Check(s.ctx, c.URL, hlscheck.Options{Duration: c.For, Second: c.Second, Probe: probe})
	if err != nil {
		return err
	}
	if err := report.Print(s.out, c.All); err != nil {
		return err
	}
	if !report.OK() {
		return errFindings
	}
	return nil
}
