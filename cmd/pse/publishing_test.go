package main

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// The first page says where this box takes streams, and not where most do.
func TestFirstPageNamesThisIngest(t *testing.T) {
	t.Parallel()
	s := start(t, process.PSEOptions{Name: "named", Set: []string{"ingest.apps=[plane, live]"}})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	page, err := chrome.Open("http://"+s.HTTP+"/", 390, 800)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	if err := page.Wait(`document.getElementById('address').textContent === "rtmp://`+s.RTMP+`/plane/NAME"`, time.Minute); err != nil {
		t.Error(err)
	}
}
