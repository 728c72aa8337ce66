package bus

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/helios-h2020/pse/bus/natstest"
)

// foreign is a NATS server that is not ours.
func foreign(t *testing.T, change func(*server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{JetStream: true, MaxPayload: MaxPayload}
	change(o)
	return natstest.Start(t, o, nil)
}

// accountWith is a server whose account has limits.
func accountWith(t *testing.T, limits string) string {
	t.Helper()
	o := &server.Options{}
	conf := "accounts { A { jetstream: { " + limits + " }, users: [ { user: a, password: sesame } ] } }"
	if err := o.ProcessConfigString(conf); err != nil {
		t.Fatal(err)
	}
	o.JetStream, o.MaxPayload = true, MaxPayload
	return natstest.URLOf([]*server.Server{natstest.Start(t, o, nil)}, url.UserPassword("a", "sesame"))
}

// refused connects until the log says all that is wanted of a bus that cannot be
// used, or Connect ends by itself. Connect's error must say it too. It gives the lines
// of the log.
func refused(t *testing.T, o Options, want ...string) (lines []string) {
	t.Helper()
	core, said := observer.New(zap.WarnLevel)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		b, err := Connect(ctx, o, zap.New(core))
		if err == nil {
			b.Close()
		}
		ended <- err
	}()
	all := func(where string) bool {
		return !slices.ContainsFunc(want, func(want string) bool { return !strings.Contains(where, want) })
	}
	natstest.Eventually(t, fmt.Sprintf("the log has %q", want), func() bool {
		lines = nil
		for _, e := range said.All() {
			lines = append(lines, fmt.Sprint(e.Message, " ", e.ContextMap()))
		}
		return len(ended) > 0 || all(strings.Join(lines, "\n"))
	})
	cancel()
	err := <-ended
	if err == nil {
		t.Fatal("it is taken for usable")
	}
	t.Logf("%v\n%s", err, strings.Join(lines, "\n"))
	if !all(err.Error()) {
		t.Errorf("no %q in %q", want, err)
	}
	return lines
}

// A bus that cannot be used says why, and which setting to change.
func TestUnusableBusIsExplained(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, c := range map[string]struct {
		url  func() string
		logs LogConfig
		want []string // what is said
	}{
		"nobody listens": {url: func() string { return "nats://" + closed.Addr().String() }, want: []string{"refused", "does it run"}},
		"no such host":   {url: func() string { return "nats://bus.invalid:4222" }, want: []string{"bus.invalid", "bus.url"}},
		"JetStream is off": {
			url:  func() string { return foreign(t, func(o *server.Options) { o.JetStream = false }).ClientURL() },
			want: []string{"JetStream", "jetstream {"},
		},
		"too little memory": {
			url: func() string {
				return foreign(t, func(o *server.Options) { o.JetStreamMaxMemory = 64 << 20 }).ClientURL()
			},
			want: []string{"MEDIA", "max_memory_store"},
		},
		"too little disk": {
			url: func() string {
				return foreign(t, func(o *server.Options) { o.JetStreamMaxStore = 64 << 20 }).ClientURL()
			},
			want: []string{"EVENTS", "max_file_store"},
		},
		"too little of both": {
			url: func() string {
				return foreign(t, func(o *server.Options) { o.JetStreamMaxMemory, o.JetStreamMaxStore = 64<<20, 64<<20 }).ClientURL()
			},
			want: []string{"max_memory_store", "max_file_store"},
		},
		"too little of both in a cluster": {
			url: func() string {
				return natstest.URL(natstest.Cluster(t, 3, nil, func() *server.Options {
					return &server.Options{JetStream: true, MaxPayload: MaxPayload, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 64 << 20}
				}))
			},
			logs: LogConfig{Replicas: 3}, want: []string{"max_memory_store", "max_file_store"},
		},
		"more replicas than servers in a cluster": {
			url: func() string {
				return natstest.URL(natstest.Cluster(t, 3, nil, func() *server.Options {
					return &server.Options{JetStream: true, MaxPayload: MaxPayload}
				}))
			},
			logs: LogConfig{Replicas: 5}, want: []string{"bus.replicas is 5", "not so many servers"},
		},
		"an account of few logs": {
			url:  func() string { return accountWith(t, "max_streams: 3") },
			want: []string{"max_streams", "11 are wanted"},
		},
		"an account of little memory": {
			url:  func() string { return accountWith(t, "max_memory: 64MB, max_file: 20GB") },
			want: []string{"max_memory of the account"},
		},
		"an account of small logs": {
			url:  func() string { return accountWith(t, "disk_max_stream_bytes: 64MB") },
			want: []string{"disk_max_stream_bytes"},
		},
		"more replicas than servers": {
			url: func() string { return foreign(t, func(*server.Options) {}).ClientURL() }, logs: LogConfig{Replicas: 3},
			want: []string{"bus.replicas", "3"},
		},
		"small messages": {
			url:  func() string { return foreign(t, func(o *server.Options) { o.MaxPayload = 1 << 20 }).ClientURL() },
			want: []string{"max_payload: 8MB"},
		},
		"a scheme of others": {url: func() string { return "http://127.0.0.1:4222" }, want: []string{"write nats://"}},
		"the integrator's password": {
			url: func() string {
				s, err := StartServer(ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"}, zap.NewNop())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(s.Close)
				return s.IntegratorURL()
			},
			want: []string{"worker"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := c.url()
			lines := refused(t, Options{URL: at, Name: "test", Logs: c.logs}, c.want...)
			for _, want := range c.want {
				if !strings.HasPrefix(at, "http:") && !strings.Contains(strings.Join(lines, "\n"), want) { // it does not wait for what can never be
					t.Errorf("no %q in %q", want, lines)
				}
			}
			if all := slices.Sorted(slices.Values(lines)); len(all) != len(slices.Compact(all)) {
				t.Errorf("said twice: %q", lines)
			}
			if u, err := url.Parse(at); err == nil && u.User != nil {
				if word, _ := u.User.Password(); strings.Contains(strings.Join(lines, ""), word) {
					t.Error("the password is said")
				}
			}
		})
	}
}

// An account with too few consumers can be used, and is named before it fails.
func TestFewConsumersAreSaid(t *testing.T) {
	for limits, want := range map[string]int{"max_consumers: 20": 1, "max_consumers: 1000": 0, "max_streams: 100": 0} {
		core, said := observer.New(zap.WarnLevel)
		b, err := Connect(t.Context(), Options{URL: accountWith(t, limits), Name: "test", Adjust: true}, zap.New(core))
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
		if n := said.FilterMessageSnippet("raise max_consumers").Len(); n != want {
			t.Errorf("%s: %d lines: %v", limits, n, said.All())
		}
	}
}
