package ffmpeg

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The arguments of every encoder, as golden text: hardware is not there to try them.
func TestArguments(t *testing.T) {
	for _, enc := range Encoders() {
		o := Options{Program: "ffmpeg", Encoder: enc, Device: "/dev/dri/renderD128"}
		for name, g := range map[string]*Grid{"pass": nil, "grid": {FPS: 30, GOP: 60}} {
			e := Encoding{
				Source:  &cmaf.VideoConfig{Width: 1280, Height: 720},
				Outputs: []Output{{1280, 720, 2800, 0}, {426, 240, 400, 1234}}, Grid: g, Threads: 1,
			}
			got := strings.Join(arguments(o, e), "\n") + "\n"
			file := filepath.Join("testdata", "arguments", enc+"-"+name+".txt")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s:\n%s", file, got)
			}
		}
	}
}
