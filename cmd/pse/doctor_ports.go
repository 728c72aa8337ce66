package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// lookAtPorts tries to bind what pse serve would bind.
func lookAtPorts(cfg Config) []finding {
	type port struct{ what, addr, with string }
	ports := []port{{"http", cfg.HTTP.Listen, "--http"}, {"rtmp", cfg.Ingest.Listen, "--rtmp"}}
	if cfg.Ingest.TLSListen != "" {
		ports = append(ports, port{"rtmps", cfg.Ingest.TLSListen, "ingest.tls_listen"})
	}
	if cfg.HTTP.TLSListen != listenOff {
		ports = append(ports, port{"https", cfg.HTTP.TLSListen, "http.tls_listen"})
	}
	if at := cfg.TLS.ACME; len(at.Names) > 0 && at.HTTPListen != "" {
		ports = append(ports, port{"acme", at.HTTPListen, "tls.acme.http_listen"})
	}
	if cfg.Admin.Listen != listenOff {
		ports = append(ports, port{"admin", cfg.Admin.Listen, "--admin"})
	}
	var all []finding
	for _, l := range []struct{ list, with string }{{cfg.Turn.Listen, "--turn"}, {cfg.Turn.TLSListen, "turn.tls_listen"}} {
		for _, addr := range strings.FieldsFunc(l.list, func(r rune) bool { return r == ',' || r == ' ' }) {
			ports = append(ports, port{"relay", addr, l.with})
			c, err := net.ListenPacket("udp", addr)
			if err == nil {
				_ = c.Close()
			}
			all = append(all, portFinding("relay port", addr+"/udp", l.with, err))
		}
	}
	for _, p := range ports {
		l, err := net.Listen("tcp", p.addr)
		if err == nil {
			_ = l.Close()
		}
		all = append(all, portFinding(p.what+" port", p.addr, p.with, err))
	}
	return all
}

func portFinding(name, addr, with string, err error) finding {
	if err != nil {
		return failed(name, err.Error(), "stop who uses it (ss -lnp shows who), or choose another with "+with)
	}
	return well(name, addr+" is free")
}

// lookAtRelayPorts tries to bind the ports that the relay gives away.
func lookAtRelayPorts(cfg Config) finding {
	const name, next = "relayed ports", "stop who uses them (ss -lunp shows who), or choose others by turn.min_port and turn.max_port"
	low, high := cfg.Turn.MinPort, cfg.Turn.MaxPort
	free, all := 0, high-low+1
	for port := low; port <= high; port++ {
		if c, err := net.ListenUDP("udp", &net.UDPAddr{Port: port}); err == nil {
			free++
			_ = c.Close()
		}
	}
	text := fmt.Sprintf("%d of %d-%d/udp are free", free, low, high)
	switch {
	case free == 0:
		return failed(name, text, next)
	case free < all/2:
		return warned(name, text, next)
	}
	return well(name, text)
}

// wideRange is so many ports that it does not matter when other programs hold some.
const wideRange = 1000

// lookAtReservedPorts asks which of our ports Linux may give to other programs'
// connections before we have them.
func lookAtReservedPorts(cfg Config) finding {
	const name, from = "reserved ports", "/proc/sys/net/ipv4/"
	local, err := os.ReadFile(from + "ip_local_port_range")
	if err != nil {
		return well(name, "not looked at: "+err.Error())
	}
	reserved, err := os.ReadFile(from + "ip_local_reserved_ports")
	if err != nil {
		return well(name, "not looked at: "+err.Error())
	}
	ours := ownPorts(cfg)
	open := unreserved(ours, parseRanges(strings.Join(strings.Fields(string(local)), "-")), parseRanges(strings.TrimSpace(string(reserved))))
	if len(open) == 0 {
		return well(name, "the system gives none of ours to other programs")
	}
	list := formatRanges(open)
	keep := strings.Trim(strings.TrimSpace(string(reserved))+","+list, ",")
	return warned(name, "the system may give "+list+" to other programs", "reserve them: sysctl net.ipv4.ip_local_reserved_ports="+keep+" (and a line of that in /etc/sysctl.d/)")
}

// A portRange is ports from low to high, both of them too.
type portRange struct{ low, high int }

// ownPorts are the ports of this configuration; of the relay's only a small range.
func ownPorts(cfg Config) []portRange {
	var all []portRange
	for _, list := range []string{cfg.HTTP.Listen, cfg.HTTP.TLSListen, cfg.Ingest.Listen, cfg.Ingest.TLSListen, cfg.Admin.Listen, cfg.Turn.Listen, cfg.Turn.TLSListen} {
		for _, addr := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
			_, digits, _ := net.SplitHostPort(addr)
			if port, err := strconv.Atoi(digits); err == nil && port > 0 {
				all = append(all, portRange{port, port})
			}
		}
	}
	if cfg.Turn.MaxPort-cfg.Turn.MinPort < wideRange {
		all = append(all, portRange{cfg.Turn.MinPort, cfg.Turn.MaxPort})
	}
	return all
}

// unreserved are those of ours that are in the local range and are not reserved.
func unreserved(ours, local, reserved []portRange) []portRange {
	in := func(all []portRange, port int) bool {
		for _, r := range all {
			if r.low <= port && port <= r.high {
				return true
			}
		}
		return false
	}
	var open []portRange
	for _, r := range ours {
		for port := r.low; port <= r.high; port++ {
			if !in(local, port) || in(reserved, port) || in(open, port) {
				continue
			}
			if n := len(open) - 1; n >= 0 && open[n].high == port-1 {
				open[n].high = port
			} else {
				open = append(open, portRange{port, port})
			}
		}
	}
	return open
}

// parseRanges reads ports as the kernel writes them: 1-3,8.
func parseRanges(text string) []portRange {
	var all []portRange
	for part := range strings.SplitSeq(text, ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		low, err := strconv.Atoi(first)
		high, err2 := strconv.Atoi(last)
		if err == nil && err2 == nil {
			all = append(all, portRange{low, high})
		}
	}
	return all
}

func formatRanges(all []portRange) string {
	var parts []string
	for _, r := range all {
		if r.low == r.high {
			parts = append(parts, strconv.Itoa(r.low))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", r.low, r.high))
		}
	}
	return strings.Join(parts, ",")
}
