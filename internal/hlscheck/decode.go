package hlscheck

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/internal/child"
)

// maxSample is how much of a rendition is kept to be decoded, in bytes.
const maxSample = 12 << 20

// sample is the start of what was read of a rendition: one init and segments
// in a row, for a decoder to look at.
type sample struct {
	init   string
	bytes  bytes.Buffer
	frames int // video
	full   bool

	problem string // of the decoder; "" none
	decoded int    // video frames, -1: not looked at
}

func (s *sample) begin(uri string, b []byte) {
	if s.bytes.Len() > 0 {
		s.full = true // another init: what there is will do
		return
	}
	s.init = uri
	s.bytes.Write(b)
}

func (s *sample) add(uri string, b []byte, m *Media) {
	if s.full || uri != s.init || s.bytes.Len()+len(b) > maxSample {
		s.full = true
		return
	}
	s.bytes.Write(b)
	if v := m.Run("vide"); v != nil {
		s.frames += len(v.Samples)
	}
}

// decode decodes what was read of the rendition with ffprobe, when there is one.
func (r *rendition) decode(ctx context.Context, ffprobe string) {
	r.sample.decoded = -1
	if ffprobe != "" && r.watched.Segments > 0 {
		r.sample.decode(ctx, ffprobe)
	}
}

func (s *sample) decode(ctx context.Context, ffprobe string) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	err := child.Command{
		Program: ffprobe, Args: probeArgs(), Stdin: &s.bytes, Stdout: &out, Stderr: &errs,
		Limits: child.Limits{Memory: 1 << 30, CPU: 2 * time.Minute, Nice: 5},
	}.Run(ctx)
	s.decoded = 0
	for line := range strings.Lines(out.String()) {
		kind, n, _ := strings.Cut(strings.TrimSpace(line), ",")
		if kind == "video" {
			s.decoded, _ = strconv.Atoi(n)
		}
	}
	if err != nil || errs.Len() > 0 {
		s.problem = strings.TrimSpace(errs.String())
		if err != nil {
			s.problem += " " + err.Error()
		}
		s.problem = s.problem[:min(len(s.problem), 400)]
	}
}

// probeArgs have ffprobe count the frames of fMP4 on its standard input, which
// a server that we do not know sent: it may follow no reference out of that.
func probeArgs() []string {
	return strings.Fields("-v error -threads 1 -protocol_whitelist pipe -format_whitelist mov -count_frames -show_entries stream=codec_type,nb_read_frames -of csv=p=0 -i pipe:0")
}
