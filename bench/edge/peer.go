package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bench/nginx"
	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/internal/process"
)

// static compares plain requests: the same bytes from the edge's memory and
// from nginx's files. wrk asks over 64 connections that stay open.
func static(ctx context.Context, dir string, startEdge func() (*process.PSE, error), rounds int, took time.Duration, profile string) error {
	edge, err := startEdge()
	if err != nil {
		return err
	}
	defer edge.Stop()
	root := filepath.Join(dir, "www")
	asked, err := mirror(ctx, edge.HTTP, root)
	if err != nil {
		return err
	}
	port, err := process.FreePort()
	if err != nil {
		return err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	peer, err := nginx.Start(ctx, dir, 0, addr, nginx.Static(addr, root))
	if err != nil {
		return err
	}
	defer peer.Stop()
	candidates := [2]candidate{{edge.Process, edge.HTTP}, {peer, addr}}
	if profile != "" {
		profiled := make(chan error, 1)
		go func() { profiled <- edge.Profile(ctx, int(took.Seconds()), profile) }()
		if _, _, err := wrk(ctx, "http://"+edge.HTTP+asked[0].path, took); err != nil {
			return err
		}
		if err := <-profiled; err != nil {
			return err
		}
	}
	var rows [][]string
	for _, a := range asked {
		row, err := compare(ctx, candidates, a, rounds, took)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	round.Table(os.Stdout, fmt.Sprintf("Edge: requests per CPU-second, HTTP/1.1 keep-alive, 64 connections, median of %d interleaved rounds", rounds),
		[]string{"request", "pse", "nginx static", "ratio", "pse req/s", "nginx req/s"}, rows)
	return nil
}

// An ask is a request that both servers answer with the same bytes.
type ask struct{ what, path string }

// A candidate is a server under test.
type candidate struct {
	p    *process.Process
	addr string
}

// mirror copies a playlist and its newest segment from the edge into a folder.
func mirror(ctx context.Context, edge, root string) ([2]ask, error) {
	const list = "/hls/static/source/index.m3u8"
	body, err := fetch(ctx, "http://"+edge+list)
	if err != nil {
		return [2]ask{}, err
	}
	segments := regexp.MustCompile(`(?m)^\d+\.m4s$`).FindAllString(string(body), -1)
	if len(segments) < 6 {
		return [2]ask{}, fmt.Errorf("the edge lists %d segments: %.300s", len(segments), body)
	}
	segment := "/hls/static/source/" + segments[len(segments)-1]
	for _, path := range []string{list, segment} {
		b, err := fetch(ctx, "http://"+edge+path)
		if err != nil {
			return [2]ask{}, err
		}
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return [2]ask{}, err
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			return [2]ask{}, err
		}
	}
	return [2]ask{{"playlist of " + strconv.Itoa(len(body)) + " bytes", list}, {"segment of 1 MB", segment}}, nil
}

// compare is a row of the table.
func compare(ctx context.Context, candidates [2]candidate, a ask, rounds int, took time.Duration) ([]string, error) {
	var perCPU, perSecond [2][]float64
	err := round.Interleave(rounds, 2, func(_, i int) error {
		before := candidates[i].p.CPU()
		n, rate, err := wrk(ctx, "http://"+candidates[i].addr+a.path, took)
		if err != nil {
			return err
		}
		perCPU[i] = append(perCPU[i], n/(candidates[i].p.CPU()-before).Seconds())
		perSecond[i] = append(perSecond[i], rate)
		return nil
	})
	if err != nil {
		return nil, err
	}
	pse, peer := round.Median(perCPU[0]), round.Median(perCPU[1])
	return []string{
		a.what, fmt.Sprintf("%.0f", pse), fmt.Sprintf("%.0f", peer), fmt.Sprintf("%.2f", pse/peer),
		fmt.Sprintf("%.0f", round.Median(perSecond[0])), fmt.Sprintf("%.0f", round.Median(perSecond[1])),
	}, nil
}

// wrk returns how many requests were answered, and how many a second.
func wrk(ctx context.Context, url string, d time.Duration) (n, rate float64, err error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c64", "-d"+strconv.Itoa(int(d.Seconds())), url).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		return 0, 0, fmt.Errorf("wrk %s: %s", url, out)
	}
	m := regexp.MustCompile(`(\d+) requests in ([\d.]+)s`).FindSubmatch(out)
	if m == nil {
		return 0, 0, fmt.Errorf("wrk said: %s", out)
	}
	n, _ = strconv.ParseFloat(string(m[1]), 64)
	secs, _ := strconv.ParseFloat(string(m[2]), 64)
	return n, n / secs, nil
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.200s", url, r.Status, b)
	}
	return b, err
}
