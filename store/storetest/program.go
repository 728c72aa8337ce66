package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

const region = "us-east-1" // what the servers go by

// startPatience is how long a program may take until it listens.
const startPatience = time.Minute

// startProgram starts a server as people run it, makes the bucket, and gives what
// hands requests on to it, as they are: their signatures are of our port.
func startProgram(t testing.TB, name string) http.Handler {
	t.Helper()
	addr, err := listening(t, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: addr})
			r.Out.Host = r.In.Host
		},
		Transport:    &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}

// listening starts a server on a port that nobody uses now, and gives its address
// once the bucket is there.
func listening(t testing.TB, name string) (addr string, err error) {
	port, err := process.FreePort()
	if err != nil {
		return "", err
	}
	addr, dir := net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), t.TempDir()
	data, meta, said := filepath.Join(dir, "data"), filepath.Join(dir, "meta"), filepath.Join(dir, "said") // not every file system keeps metadata with files
	if err := errors.Join(os.Mkdir(data, 0o700), os.Mkdir(meta, 0o700)); err != nil {
		return "", err
	}
	args := map[string][]string{
		"versitygw": {"--port", addr, "--access", keys.ID, "--secret", keys.Secret, "--region", region, "posix", "--sidecar", meta, data},
		"minio":     {"server", "--address", addr, "--json", data},
	}[name]
	if args == nil {
		return "", errors.New("there is no such server; there are versitygw and minio")
	}
	p, err := process.Start(t.Context(), process.Options{CPU: -1, Dir: dir, Log: said, Env: []string{
		"MINIO_ROOT_USER=" + keys.ID, "MINIO_ROOT_PASSWORD=" + keys.Secret, "MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CI_CD=on", "HOME=" + dir,
	}}, program(t, name), args...)
	if err != nil {
		return "", err
	}
	t.Cleanup(p.Stop)
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	go func() {
		select {
		case <-p.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := makeBucket(ctx, addr); err != nil {
		return "", fmt.Errorf("%w\n%s", err, process.Tail(said))
	}
	return addr, nil
}

// program is where make puts a server.
func program(t testing.TB, name string) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	bin := filepath.Join(filepath.Dir(here), "..", "..", "bin", "s3", name)
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("the server %s is not built; run: make bin/s3/%[1]s", name)
	}
	return bin
}

// makeBucket makes the bucket as soon as the server is there.
func makeBucket(ctx context.Context, addr string) error {
	if err := process.WaitTCP(ctx, addr); err != nil {
		return err
	}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+addr+"/"+testBucket, http.NoBody)
		if err != nil {
			return err
		}
		sigv4.Sign(r, keys, region, "s3", sigv4.Sum(nil), time.Now())
		a, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = a.Body.Close()
			if a.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("it answers %s", a.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("make the bucket: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
