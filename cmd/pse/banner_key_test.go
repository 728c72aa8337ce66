package main

import (
	"bufio"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"github.com/helios-h2020/pse/internal/process"
)

// The key of the first start is shown on a terminal, and not in journals
// and logs of containers: these say where it is.
func TestFirstKeyIsShownOnATerminalOnly(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, process.PSEOptions{Name: "journal", Data: data, Keyed: true, Workers: []string{"bus", "ingest"}})
	says(t, s, "NAME?key=KEY   (see the keys: pse stream keys)")
	if secret := keyOf(t, data).secret; strings.Contains(s.Said(), secret) {
		t.Errorf("the log has the key %s: %s", secret, s.Said())
	}

	data = t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary(t), "--data", data, "serve", "--rtmp", "127.0.0.1:0", "--admin", "off", "bus", "ingest")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	secret := ""
	shows := regexp.MustCompile(`NAME\?key=(\S+)`)
	for lines := bufio.NewScanner(terminal); secret == "" && lines.Scan(); {
		if m := shows.FindStringSubmatch(lines.Text()); m != nil {
			secret = m[1]
		}
	}
	if want := keyOf(t, data).secret; secret != want {
		t.Errorf("the terminal shows %q, and the key is %s", secret, want)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	go func() { // what it says while it stops must go somewhere
		for lines := bufio.NewScanner(terminal); lines.Scan(); {
		}
	}()
	_ = cmd.Wait()
}
