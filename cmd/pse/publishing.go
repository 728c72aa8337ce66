package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strconv"
)

// saidPublishing is what the box says of where streams are published to.
type saidPublishing struct {
	Port int    `json:"port"` // of RTMP
	App  string `json:"app"`
	Key  bool   `json:"key"` // who publishes needs one
}

// routes answers where to publish: at the ingest of this process, or, for one
// elsewhere, as this configuration has it.
func (p *program) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/publish", func(w http.ResponseWriter, _ *http.Request) {
		addr := p.addr("rtmp")
		if addr == "" {
			addr = p.cfg.Ingest.Listen
		}
		said := saidPublishing{App: p.cfg.Ingest.Apps[0], Key: !p.cfg.Ingest.Open}
		if _, port, err := net.SplitHostPort(addr); err == nil {
			said.Port, _ = strconv.Atoi(port)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_ = json.NewEncoder(w).Encode(said)
	})
}
