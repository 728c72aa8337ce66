package natstest

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/helios-h2020/pse/internal/process"
)

// Cluster starts n servers that are one cluster, with JetStream, and returns
// when all know each other. options gives those of each, without its place in
// the cluster.
func Cluster(t testing.TB, n int, log *Log, options func() *server.Options) []*server.Server {
	t.Helper()
	routes := freeRoutes(t, n)
	var all []*server.Server
	for i, route := range routes {
		o := options()
		o.ServerName = fmt.Sprintf("n%d", i+1)
		o.Cluster.Name, o.Cluster.Host, o.Cluster.Port = "c", route.Hostname(), portOf(t, route)
		o.Routes = routes
		all = append(all, Start(t, o, log))
	}
	deadline := time.Now().Add(Patience)
	for !together(all) {
		if time.Now().After(deadline) {
			t.Fatal("the NATS servers are no cluster")
		}
		<-time.After(20 * time.Millisecond)
	}
	return all
}

// together says whether the servers have a leader and all are in step with it.
func together(all []*server.Server) bool {
	for _, s := range all {
		if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(all) && s.NumRoutes() >= len(all)-1 {
			return true
		}
	}
	return false
}

// URL is where clients reach the servers: all of them, with commas.
func URL(all []*server.Server) string { return URLOf(all, nil) }

// URLOf is where a user reaches them.
func URLOf(all []*server.Server, user *url.Userinfo) string {
	var urls []string
	for _, s := range all {
		urls = append(urls, (&url.URL{Scheme: "nats", Host: s.Addr().String(), User: user}).String())
	}
	return strings.Join(urls, ",")
}

// freeRoutes gives addresses for n servers: each must know where the others are
// before any of them runs.
func freeRoutes(t testing.TB, n int) (routes []*url.URL) {
	t.Helper()
	for range n {
		port, err := process.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, &url.URL{Scheme: "nats", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))})
	}
	return routes
}

func portOf(t testing.TB, u *url.URL) int {
	t.Helper()
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
