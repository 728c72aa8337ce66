package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strconv"
)

// saidPublishing is what the box says of where streams are published to.
type saidPublishing struct {
	Port int    `json:"port"` // of RTMP
	App  string `json:"app"`
	Key  bool   `json:"key"`            // publishing needs one
	Full bool   `json:"full,omitempty"` // the disk: no stream may begin

	// By what others reach the box; told to browsers on this machine only, whose own
	// address does not do for others.
	Home  string `json:"home,omitempty"`  // the first page
	Calls string `json:"calls,omitempty"` // a call, before its name
}

// publishRoutes answers where to publish: at the ingest of this process, or, for one
// elsewhere, as this configuration has it.
func publishRoutes(mux *http.ServeMux, s site, d *disks) {
	mux.HandleFunc("GET /api/publish", func(w http.ResponseWriter, r *http.Request) {
		addr := s.addrs.of("rtmp")
		if addr == "" {
			addr = s.cfg.Ingest.Listen
		}
		said := saidPublishing{App: s.cfg.Ingest.Apps[0], Key: !s.cfg.Ingest.Open, Full: d.short("bus") != nil}
		if _, port, err := net.SplitHostPort(addr); err == nil {
			said.Port, _ = strconv.Atoi(port)
		}
		if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && from.Addr().Unmap().IsLoopback() {
			said.Home, said.Calls = s.home(), s.calls()
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_ = json.NewEncoder(w).Encode(said)
	})
}
