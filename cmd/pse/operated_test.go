package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/internal/process"
)

// All workers do their work on a bus that is configured as deploy/nats.conf
// says, and nothing that they may not.
func TestOnAnOperatorsBus(t *testing.T) {
	operated := natstest.StartOperated(t, "../../deploy")
	p := start(t, process.PSEOptions{Name: "operated", Bus: operated.Worker, Set: []string{fmt.Sprintf("bus.replicas=%d", operated.Servers)}})
	publish(t, "rtmp://"+p.RTMP+"/live/cam")
	everyRenditionPlays(t, "http://"+p.HTTP+"/hls/cam/index.m3u8", "source", "240p", "audio")
	send, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.HTTP+"/files/", strings.NewReader("a file"))
	if err != nil {
		t.Fatal(err)
	}
	send.Header = http.Header{"Tus-Resumable": {"1.0.0"}, "Upload-Length": {"6"}, "Content-Type": {"application/offset+octet-stream"}}
	answer, err := http.DefaultClient.Do(send)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Errorf("a file is answered %s", answer.Status)
	}
	if body, err := get(answer.Header.Get("Upload-Read-Link"), 200); err != nil || !bytes.Equal([]byte(body), []byte("a file")) {
		t.Errorf("the file is %q, %v", body, err)
	}
	if said, err := pse(t, "--bus", operated.Worker, "workers"); err != nil || strings.Count(said, "\n") != 7 {
		t.Errorf("workers: %v\n%s", err, said)
	}
	if said, err := pse(t, "--bus", operated.Worker, "stream", "ls"); err != nil || !strings.Contains(said, "cam   live  live") {
		t.Errorf("stream ls: %v\n%s", err, said)
	}
	for _, line := range operated.Violations() {
		t.Errorf("a server says: %s", line)
	}
}
