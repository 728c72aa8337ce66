package main

import (
	"errors"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/helios-h2020/pse/internal/hlscheck"
)

type hlsCheck struct {
	URL    string
	For    time.Duration
	All    bool
	Second string
}

func newHLSCommand(s *scope) *cobra.Command {
	c := &hlsCheck{}
	check := s.leaf("check", "Watch a stream and hold it against every rule of low-latency HLS.", c,
		argument{name: "url", help: "The master playlist: http://host:8080/hls/NAME/index.m3u8", one: &c.URL})
	check.Flags().DurationVar(&c.For, "for", 20*time.Second, "How long to watch.")
	toggleVar(check, &c.All, "all", "Print also the rules that held.")
	textVar(check.Flags(), &c.Second, "second", "URL", "The same playlist at another edge, which must answer the same bytes.")
	return s.group("hls", "Check what viewers get.", nil, check)
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
