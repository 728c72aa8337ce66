package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/internal/process"
)

const (
	smallSize   = 1000 // bytes of a small file
	smallAtOnce = 8    // that are sent
	owner       = "Bearer a-token-of-the-benchmark"
)

// smallFiles compares what many small files cost: to send them, in rounds, and to list them.
func smallFiles(ctx context.Context, dir, bin string, rounds, files int, profile string) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: smallAtOnce}}
	var all []candidate
	var synced *process.PSE
	for _, sync := range []string{"never", "complete"} {
		p, err := startPSE(ctx, bin, filepath.Join(dir, "small-"+sync), sync)
		if err != nil {
			return err
		}
		defer p.Stop()
		synced = p
		all = append(all, candidate{"pse, transfer.sync=" + sync, p.Process, "http://" + p.HTTP + "/files/", true})
		if sync == "never" && profile != "" {
			go func() { _ = p.Profile(ctx, 5, profile) }()
		}
	}
	peer, err := startPeer(ctx, dir, "tusd")
	if err != nil {
		return err
	}
	defer peer.p.Stop()
	all = append(all, peer)
	each := max(1, files/rounds)
	cost, speed := make([][]float64, len(all)), make([][]float64, len(all))
	err = round.Interleave(rounds, len(all), func(_, i int) error {
		ms, rate, err := sendSmall(ctx, client, all[i], each)
		cost[i], speed[i] = append(cost[i], ms), append(speed[i], rate)
		return err
	})
	if err != nil {
		return err
	}
	var rows [][]string
	for i, c := range all {
		rows = append(rows, []string{
			c.name, fmt.Sprintf("%.3f", round.Median(cost[i])), fmt.Sprintf("%.2f", round.Median(cost[i])/round.Median(cost[len(all)-1])), fmt.Sprintf("%.0f", round.Median(speed[i])),
		})
	}
	round.Table(os.Stdout, fmt.Sprintf("%d files of %d bytes, each a POST and a PATCH, %d at once", each*rounds, smallSize, smallAtOnce),
		[]string{"server", "CPU ms a file", "of tusd", "files/s"}, rows)
	return listSmall(ctx, client, synced, each*rounds)
}

// startPSE starts one of files alone, on core 0.
func startPSE(ctx context.Context, bin, data, sync string) (*process.PSE, error) {
	return process.StartPSE(ctx, process.PSEOptions{
		Bin: bin, Data: data, Workers: []string{"bus", "transfer"}, CPU: 0, Env: []string{"GOMAXPROCS=1"},
		Set: []string{"log.level=error", "transfer.sync=" + sync, "http.tls_listen=off"},
	})
}

// sendSmall sends small files, and waits until the server has nothing more to do. cost is its CPU
// time of one, in ms; rate is files a second.
func sendSmall(ctx context.Context, client *http.Client, c candidate, files int) (cost, rate float64, err error) {
	cpu, begun := c.p.CPU(), time.Now()
	next := make(chan int)
	failed := make(chan error, smallAtOnce)
	var wg sync.WaitGroup
	for range smallAtOnce {
		wg.Go(func() {
			for n := range next {
				if err := sendOne(ctx, client, c.url, n); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	for n := 0; n < files && err == nil; n++ {
		select {
		case next <- n:
		case err = <-failed:
		}
	}
	close(next)
	wg.Wait()
	if err == nil && len(failed) > 0 {
		err = <-failed
	}
	took := time.Since(begun).Seconds()
	if err == nil {
		err = settled(ctx, c.p)
	}
	return (c.p.CPU() - cpu).Seconds() * 1000 / float64(files), float64(files) / took, err
}

// sendOne sends a file as tus clients do.
func sendOne(ctx context.Context, client *http.Client, root string, n int) error {
	b := bytes.Repeat([]byte(strconv.Itoa(n)), smallSize)[:smallSize]
	h, _, err := exchange(ctx, client, "POST", root, nil, http.StatusCreated, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(b)), "Upload-Metadata", "filename bm90ZS50eHQ=")
	if err != nil {
		return err
	}
	at, err := neturl.Parse(root)
	if err == nil {
		at, err = at.Parse(h.Get("Location"))
	}
	if err == nil {
		_, _, err = exchange(ctx, client, "PATCH", at.String(), b, http.StatusNoContent, "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	}
	return err
}

// exchange sends a request of the benchmark's owner and reads the answer.
func exchange(ctx context.Context, client *http.Client, method, url string, body []byte, want int, headers ...string) (http.Header, []byte, error) {
	q, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	q.Header.Set("Authorization", owner)
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	a, err := client.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != want {
		err = fmt.Errorf("%s %s: %s: %.200s", method, url, a.Status, b)
	}
	return a.Header, b, err
}

// settled waits until a server has done what it does after its answers.
func settled(ctx context.Context, p *process.Process) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for used := p.CPU(); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		before := used
		if used = p.CPU(); used-before < 5*time.Millisecond {
			return nil
		}
	}
}

// listSmall says what a list of the files costs, at first and again.
func listSmall(ctx context.Context, client *http.Client, p *process.PSE, files int) error {
	var rows [][]string
	ask := func(name string, times int, query string, want int, headers ...string) (http.Header, error) {
		var h http.Header
		var b []byte
		var err error
		cpu, begun := p.CPU(), time.Now()
		for range times {
			if h, b, err = exchange(ctx, client, "GET", "http://"+p.HTTP+"/api/files"+query, nil, want, headers...); err != nil {
				return nil, err
			}
		}
		var l struct {
			Files []json.RawMessage `json:"files"`
		}
		if want == http.StatusOK {
			if err := json.Unmarshal(b, &l); err != nil {
				return nil, fmt.Errorf("read the list: %w", err)
			}
		}
		n := float64(times)
		used, took := (p.CPU()-cpu).Seconds()*1000/n, time.Since(begun).Seconds()*1000/n
		rows = append(rows, []string{name, strconv.Itoa(len(l.Files)), fmt.Sprintf("%.1f", float64(len(b))/1000), fmt.Sprintf("%.2f", used), fmt.Sprintf("%.1f", took)})
		return h, nil
	}
	for _, q := range []struct {
		name  string
		times int
		query string
	}{
		{"a page, the first time", 1, "?limit=100"},
		{"a page", 50, "?limit=100"},
		{"the whole list, the first time", 1, ""},
		{"the whole list", 10, ""},
	} {
		h, err := ask(q.name, q.times, q.query, http.StatusOK)
		if err != nil {
			return err
		}
		if q.query == "" || q.times == 1 {
			continue
		}
		if _, err = ask("a page that has not changed", q.times, q.query, http.StatusNotModified, "If-None-Match", h.Get("ETag")); err != nil {
			return err
		}
	}
	round.Table(os.Stdout, fmt.Sprintf("Lists of %d files", files), []string{"of", "files", "kB", "CPU ms", "ms"}, rows)
	return nil
}
