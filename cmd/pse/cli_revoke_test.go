package main

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/helios-h2020/pse/internal/process"
)

// Revoking a key says what becomes of the files that were sent with it: a person is
// asked, scripts say it by a flag or keep them; the first key is the owner's, who
// sees all.
func TestRevokingAKeyAsksWhatBecomesOfItsFiles(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, process.PSEOptions{Name: "heirs", Data: data, Keyed: true, Workers: []string{"bus", "ingest", "transfer"}})
	owner := keyOf(t, data)
	add := func(label string) senderKey {
		t.Helper()
		lines := strings.Split(strings.TrimSpace(command(t, data, "stream", "keys", "add", label)), "\n")
		f := strings.Fields(lines[len(lines)-1])
		return senderKey{f[0], f[1]}
	}
	send := func(k senderKey) (link string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, "http://"+s.HTTP+"/files/", strings.NewReader("bytes"))
		if err != nil {
			t.Fatal(err)
		}
		for key, v := range map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Content-Type": "application/offset+octet-stream", "Authorization": "Bearer " + k.secret} {
			r.Header.Set(key, v)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != http.StatusCreated {
			t.Fatal(a.Status)
		}
		return a.Header.Get("Upload-Read-Link")
	}
	there := func(link string, want bool) {
		t.Helper()
		a, err := http.Get(link)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if got := a.StatusCode == http.StatusOK; got != want {
			t.Errorf("%s: %s", link, a.Status)
		}
	}
	revoke := func(want string, args ...string) {
		t.Helper()
		out, err := cli(t, nil, append([]string{"--data", data, "stream", "keys", "revoke"}, args...)...)
		if err != nil {
			out += err.Error()
		}
		if !strings.Contains(out, want) {
			t.Errorf("revoke %v: %s, want %s", args, out, want)
		}
	}

	ann, bob, cam := add("Ann"), add("Bob"), add("Cam")
	anns, bobs, cams := send(ann), send(bob), send(cam)
	revoke("write keep, delete or give:KEY", ann.id, "--files", "burn")
	revoke(`there is no key "Dan"`, ann.id, "--files", "give:Dan")
	revoke("cannot be given to the key that is revoked", ann.id, "--files", "give:Ann")
	revoke("kept 1 file (0.0 MiB): the owner's key sees and deletes them", ann.id) // nobody to ask
	there(anns, true)
	revoke("deleted 1 file", ann.id, "--files", "delete") // though it is revoked
	there(anns, false)
	revoke("lists the keys there are", ann.id)
	revoke("gave to "+cam.id+" 1 file", bob.id, "--files", "give:Cam")
	there(bobs, true)

	asked := exec.CommandContext(t.Context(), binary(t), "--data", data, "stream", "keys", "revoke", cam.id)
	terminal, err := pty.Start(asked)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if _, err := terminal.WriteString("delete\n"); err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(terminal) // ends with an error, as terminals do
	if err := asked.Wait(); err != nil || !strings.Contains(string(said), "Cam sent 2 files (0.0 MiB). What becomes of them?") || !strings.Contains(string(said), "deleted 2 files") {
		t.Errorf("%v: %s", err, said)
	}
	there(bobs, false)
	there(cams, false)
	revoke("no owner's key is left", owner.id)
}
