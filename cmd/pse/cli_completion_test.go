package main

import (
	"os/exec"
	"strings"
	"testing"
)

// A shell asks the program what may follow, and takes the script that asks.
func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"__complete st":                   "stream\tStreams and the keys that may publish them.\n",
		"__complete stream keys ":         "revoke\tRevoke a key; its publishers are cut off at once.\n",
		"__complete serve edge ":          "\ntranscode\n",
		"__complete serve --ht":           "--http\tListen here for viewers.\n",
		"__complete --data x config --ch": "--changed\t",
		"__complete turn import ":         ":0\n", // files
		"__complete call link ":           ":4\n", // no files
		"__complete completion ":          "bash\nzsh\nfish\n:4\n",
		"__complete --data ":              ":16\n", // directories
	} {
		out, err := cli(t, nil, strings.Split(line, " ")...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	for shell, want := range map[string]string{"bash": "complete -o default -F __start_pse pse", "zsh": "#compdef pse", "fish": "complete -c pse"} {
		out, err := cli(t, nil, "completion", shell)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, %d bytes", shell, err, len(out))
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // bash is there, as make test asks for it
		}
		check := exec.CommandContext(t.Context(), path, "-n", "/dev/stdin")
		check.Stdin = strings.NewReader(out)
		if said, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s does not take its script: %v: %s", shell, err, said)
		}
	}
	if _, err := cli(t, nil, "completion", "bsh"); exitCode(err) != 2 || !strings.Contains(err.Error(), `did you mean "bash"?`) {
		t.Errorf("%v", err)
	}
}
