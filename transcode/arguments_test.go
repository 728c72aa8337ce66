package transcode

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The arguments of every encoder, as golden text: hardware is not there to try them.
func TestArguments(t *testing.T) {
	outs := []output{{1280, 720, 2800, 0}, {426, 240, 400, 1234}}
	for _, enc := range []string{encoderX264, encoderNVENC, encoderVAAPI, encoderQSV} {
		cfg := DefaultConfig()
		cfg.Encoder = enc
		for name, g := range map[string]*grid{"pass": nil, "grid": {fps: 30, gop: 60}} {
			got := strings.Join(arguments(cfg, outs, g, picture{1280, 720}, 1), "\n") + "\n"
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
