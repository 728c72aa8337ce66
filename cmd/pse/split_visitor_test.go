package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/hlscheck"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// A phone of the test above, in a namespace of its own.
func TestVisitor(t *testing.T) {
	for link := range strings.FieldsSeq(os.Getenv("PSE_VISIT_LINKS")) {
		if _, err := get(link, 200); err != nil {
			t.Error(err)
		}
	}
	base := os.Getenv("PSE_VISIT")
	if base == "" {
		t.Log("nothing more to do but as a part of TestSplitAsTheREADMESays")
		return
	}
	eventually(t, func() error {
		_, err := get(base+"/hls/cam/index.m3u8", 200)
		return err
	})
	for _, page := range []string{"/", "/watch/cam", "/call/garden", "/files", "/api/streams/cam", "/api/publish"} {
		if _, err := get(base+page, 200); err != nil {
			t.Error(err)
		}
	}

	rep, err := hlscheck.Check(t.Context(), base+"/hls/cam/index.m3u8", hlscheck.Options{Duration: 5 * time.Second, Slack: 2 * time.Second})
	if err != nil {
		t.Error(err)
	} else if n := len(rep.Findings); n > 0 {
		t.Errorf("%d findings: %+v", n, rep.Findings)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	room := fmt.Sprint("garden", os.Getpid()) // members of another may come back
	met := make(chan string, 10)
	for _, polling := range []bool{true, false} {
		defer signaltest.Join(ctx, signaltest.Options{
			URL: func() string { return base }, Room: room, Auth: `{"v":2}`, Polling: polling,
			Event: func(_ *signaltest.Client, e signaltest.Event) { met <- e.Name },
		}).Close()
	}
	for seen := map[string]bool{}; !seen["created"] || !seen["joined"] || !seen["join"]; {
		select {
		case name := <-met:
			seen[name] = true
		case <-ctx.Done():
			t.Fatalf("two callers do not meet: %v", seen)
		}
	}

	sent := make([]byte, 3<<20)
	_, _ = rand.Read(sent)
	at := tus(t, http.MethodPost, base+"/files/", nil, http.StatusCreated, "Upload-Length", strconv.Itoa(len(sent)),
		"Authorization", "Bearer "+os.Getenv("PSE_VISIT_KEY"), "Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte("a.bin"))).Get("Location")
	if !strings.HasPrefix(at, base+"/files/") && !strings.HasPrefix(at, "/files/") {
		t.Errorf("an upload is said to be at %s", at)
	}
	at = base + at[strings.Index(at, "/files/"):]
	for offset := 0; offset < len(sent); offset += 1 << 20 {
		tus(t, http.MethodPatch, at, sent[offset:offset+1<<20], http.StatusNoContent, "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream")
	}
	if got := tus(t, http.MethodHead, at, nil, http.StatusOK).Get("Upload-Offset"); got != strconv.Itoa(len(sent)) {
		t.Errorf("%s of %d bytes came", got, len(sent))
	}
	t.Logf("%v", rep.Watched)
}
