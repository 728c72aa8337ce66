package credentials

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/helios-h2020/pse/internal/child"
	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// processTime is how long a program may take to give keys.
const processTime = time.Minute

// process runs a program that gives keys, as credential_process names it: with the
// environment but for what is ours.
func process(command string) provider {
	return func(ctx context.Context) (sigv4.Keys, error) {
		ctx, cancel := context.WithTimeout(ctx, processTime)
		defer cancel()
		var names []string
		for _, kv := range os.Environ() {
			if name, _, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, "PSE_") && name != "PATH" && name != "LANG" && name != "LD_LIBRARY_PATH" {
				names = append(names, name)
			}
		}
		var out, said bytes.Buffer
		c := child.Command{Program: "/bin/sh", Args: []string{"-c", command}, Stdout: &out, Stderr: &said, Env: names, Limits: child.Limits{Files: true}}
		if err := c.Run(ctx); err != nil {
			return sigv4.Keys{}, fmt.Errorf("run credential_process: %w: %s", err, strings.TrimSpace(said.String()))
		}
		return inJSON(out.Bytes())
	}
}
