package ffmpeg

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/helios-h2020/pse/internal/child"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// decoderNames are those of the decoders in software that may be used, as ffmpeg calls them. (Its own
// av1 is none: it wants a graphics card.)
func decoderNames(c cmaf.Coding) []string {
	switch c {
	case cmaf.HEVC:
		return []string{"hevc"}
	case cmaf.AV1:
		return []string{"libdav1d", "libaom-av1"}
	}
	return []string{"h264"}
}

// Decoders asks ffmpeg which codecs it decodes. ctx bounds the time. An error is ErrFailed.
func Decoders(ctx context.Context, o Options) (all []cmaf.Coding, err error) {
	var out bytes.Buffer
	command := child.Command{Program: o.Program, Args: []string{"-hide_banner", "-decoders"}, Stdout: &out, Limits: o.pictureLimits()}
	if err := command.Run(ctx); err != nil {
		return nil, fmt.Errorf("%w: ask %s for its decoders: %w", ErrFailed, o.Program, err)
	}
	var names []string
	for line := range strings.Lines(out.String()) { // " V..... name   what it is"
		if f := strings.Fields(line); len(f) > 1 {
			names = append(names, f[1])
		}
	}
	for _, c := range []cmaf.Coding{cmaf.AVC, cmaf.HEVC, cmaf.AV1} {
		if slices.ContainsFunc(decoderNames(c), func(name string) bool { return slices.Contains(names, name) }) {
			all = append(all, c)
		}
	}
	return all, nil
}
