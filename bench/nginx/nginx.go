// Package nginx runs Debian's nginx (with libnginx-mod-rtmp) as the peer that
// PSE is compared with.
package nginx

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/helios-h2020/pse/internal/process"
)

// Start runs nginx in one process with the given top-level blocks (http {...},
// rtmp {...}) and waits until addr listens. dir holds its files.
func Start(ctx context.Context, dir string, cpu int, addr, blocks string) (*process.Process, error) {
	conf := filepath.Join(dir, "nginx.conf")
	text := `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off;
master_process off;
worker_rlimit_nofile 65536;
pid nginx.pid;
error_log nginx-error.log error;
events { worker_connections 20000; }
` + blocks
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("configure nginx: %w", err)
	}
	log := filepath.Join(dir, "nginx.out")
	p, err := process.Start(ctx, process.Options{CPU: cpu, Log: log}, "nginx", "-p", dir, "-c", conf, "-e", "nginx-error.log")
	if err != nil {
		return nil, err
	}
	if err := process.WaitTCP(ctx, addr); err != nil {
		p.Stop()
		return nil, fmt.Errorf("nginx: %w; it said: %s", err, process.Tail(log))
	}
	return p, nil
}

// Static is the http block of a server of the files in root, as one would set
// it up for speed.
func Static(addr, root string) string {
	return fmt.Sprintf(`http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 300s;
  open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
  types { application/vnd.apple.mpegurl m3u8; video/mp4 mp4 m4s; }
  server { listen %s backlog=8192; root %s; add_header Access-Control-Allow-Origin *; add_header Cache-Control max-age=1; }
}
`, addr, root)
}

// RTMP is the rtmp block of a server that takes publishers of the app `live`.
func RTMP(addr string) string {
	return fmt.Sprintf(`rtmp { server { listen %s; chunk_size 65536; max_message 8M; application live { live on; } } }
`, addr)
}
