package bus

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
)

// onEachServer runs a test on the embedded server, and on an operator's that is
// configured as deploy/nats.conf says: with a worker on it, and for an integrator.
func onEachServer(t *testing.T, f func(t *testing.T, b *Bus, integrator string)) {
	t.Run("embedded", func(t *testing.T) {
		srv := testServer(t)
		f(t, testBus(t, srv), srv.IntegratorURL())
	})
	t.Run("operator's", func(t *testing.T) {
		operated := natstest.StartOperated(t, "../deploy")
		f(t, testConnect(t, Options{URL: operated.Worker, Name: "test", Adjust: true, Logs: LogConfig{Replicas: operated.Servers}}), operated.Integrator)
	})
}

// Integrators read all events, durably, also those from before they came.
func TestIntegratorReadsEvents(t *testing.T) { onEachServer(t, integratorReadsEvents) }

func integratorReadsEvents(t *testing.T, b *Bus, integrator string) {
	publish(t, b, started("a", "1"))
	nc := natstest.Connect(t, integrator)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c, err := js.CreateOrUpdateConsumer(t.Context(), "FEED", jetstream.ConsumerConfig{
		Durable: "mine", FilterSubject: "events.v1.stream.>", AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	it, err := c.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer it.Stop()
	next := func() StreamStarted {
		t.Helper()
		m, err := it.Next(jetstream.NextMaxWait(patience))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
		ev, err := opened[StreamStarted](m.Data())
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	if ev := next(); ev != started("a", "1") {
		t.Fatalf("%+v", ev)
	}
	sub, err := nc.SubscribeSync("events.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	publish(t, b, started("a", "2"))
	if ev := next(); ev != started("a", "2") {
		t.Fatalf("%+v", ev)
	}
	if m, err := sub.NextMsg(patience); err != nil || m.Subject != "events.v1.stream.started.a" {
		t.Fatal(m, err)
	}
}

// Integrators answer hooks from their own account.
func TestIntegratorAnswersHooks(t *testing.T) { onEachServer(t, integratorAnswersHooks) }

func integratorAnswersHooks(t *testing.T, b *Bus, integrator string) {
	nc := natstest.Connect(t, integrator)
	if v, err := AskHook(t.Context(), b, PublishHook{Name: "a"}, HookConfig{Required: true, Timeout: patience}); v.Allow || err != nil {
		t.Fatalf("nobody answers: %+v, %v", v, err)
	}
	if _, err := nc.Subscribe("hooks.v1.publish", func(m *nats.Msg) {
		_ = m.Respond([]byte(`{"allow":false,"reason":"` + string(m.Data[2:6]) + `"}`))
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, "all servers know that it answers", func() bool {
		v, _ := AskHook(t.Context(), b, PublishHook{Name: "a"}, HookConfig{Timeout: patience})
		return !v.Unanswered()
	})
	if v, err := AskHook(t.Context(), b, PublishHook{Name: "a"}, HookConfig{Timeout: patience}); v.Allow || v.Reason != "name" || err != nil {
		t.Fatalf("a veto: %+v, %v", v, err)
	}
}

// Integrators ask the relay for credentials, and no other worker for anything.
func TestIntegratorAsksForCredentials(t *testing.T) { onEachServer(t, integratorAsksForCredentials) }

func integratorAsksForCredentials(t *testing.T, b *Bus, integrator string) {
	if _, err := b.Serve(WorkerTurn, "1.0.0", Handle(EndpointCredentials, func(_ context.Context, q CredentialsQuery) (Credentials, error) {
		return Credentials{Servers: []ICEServer{{Username: "1:" + q.User}}, TTL: 60}, nil
	})); err != nil {
		t.Fatal(err)
	}
	nc := natstest.Connect(t, integrator)
	var m *nats.Msg
	natstest.Eventually(t, "all servers know that it answers", func() (ok bool) {
		var err error
		m, err = nc.Request("rpc.v1.turn.credentials", []byte(`{"user":"ann"}`), patience)
		return !errors.Is(err, nats.ErrNoResponders)
	})
	if m == nil {
		t.Fatal("no answer")
	}
	var c Credentials
	if err := json.Unmarshal(m.Data, &c); err != nil || len(c.Servers) != 1 || c.Servers[0].Username != "1:ann" {
		t.Errorf("%s, %v", m.Data, err)
	}
}

// What integrators may not do.
func TestIntegratorIsConfined(t *testing.T) { onEachServer(t, integratorIsConfined) }

func integratorIsConfined(t *testing.T, b *Bus, integrator string) {
	refused := make(chan error, 100)
	nc := natstest.Connect(t, integrator, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	heard, err := b.conn.NATS().SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.conn.NATS().Flush(); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{
		"media.a", "hls.a.720p", "poster.a.large", "events.v1.stream.started.a", "dead.v1.x", "hooks.v1.publish", "$KV.LIVE.a", "$KV.KEYS.a",
		"rpc.v1.ingest.revoke", "worker.x.alive", "$SRV.PING", "PSE.API.CONSUMER.CREATE.EVENTS", "$JS.API.STREAM.DELETE.FEED",
		"$JS.API.STREAM.PURGE.FEED", "$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.UPDATE.FEED", "$JS.API.STREAM.INFO.MEDIA", "$JS.API.CONSUMER.CREATE.EVENTS", "$SYS.REQ.SERVER.PING",
	} {
		if err := nc.PublishRequest(subject, "_INBOX.x", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if err := natstest.Within(t, refused); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("publish to %s: %v", subject, err)
		}
	}
	for _, subject := range []string{">", "media.>", "hls.>", "$KV.>", "$JS.>", "rpc.>", "worker.>", "$SRV.>", "$SYS.>", "PSE.>"} {
		if _, err := nc.Subscribe(subject, func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := natstest.Within(t, refused); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("subscribe to %s: %v", subject, err)
		}
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// A consumer that pushes into our subjects pushes into its own account's.
	if _, err := js.CreatePushConsumer(ctx, "FEED", jetstream.ConsumerConfig{DeliverSubject: "hls.a.720p", AckPolicy: jetstream.AckNonePolicy}); err != nil {
		t.Fatal(err)
	}
	publish(t, b, started("a", "1"))
	c, err := js.CreateOrUpdateConsumer(ctx, "FEED", jetstream.ConsumerConfig{Durable: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(jetstream.FetchMaxWait(patience)); err != nil { // by now the other has had it too
		t.Fatal(err)
	}
	if _, err := b.LastPart(ctx, "a", "720p"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("the parts log of workers was written: %v", err)
	}
	for {
		m, err := heard.NextMsg(time.Millisecond)
		if err != nil {
			break
		}
		if !strings.HasPrefix(m.Subject, "events.") && !strings.HasPrefix(m.Subject, "_INBOX.") && !strings.HasPrefix(m.Subject, "PSE.feed") && !strings.HasPrefix(m.Subject, "$JS.") && !strings.HasPrefix(m.Subject, "_R_.") {
			t.Errorf("workers heard %s", m.Subject)
		}
	}
}

func passwordIn(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return password
}

// Nobody gets in without a password.
func TestServerRefusesStrangers(t *testing.T) {
	srv := testServer(t)
	for _, opt := range []nats.Option{
		nats.Name("no user at all"), nats.UserInfo("worker", "wrong"), nats.UserInfo("integrator", passwordIn(t, srv.URL())), nats.UserInfo("worker", ""),
	} {
		if nc, err := nats.Connect("nats://"+srv.Addr(), opt, nats.Timeout(patience)); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("got %v, %v", nc, err)
		}
	}
	_, err := Connect(t.Context(), Options{URL: "nats://worker:wrong@" + srv.Addr()}, zaptest.NewLogger(t))
	if !errors.Is(err, nats.ErrAuthorization) || strings.Contains(err.Error(), "wrong") {
		t.Fatalf("a wrong password: %v", err)
	}
}

// The passwords are made once, and only their owner can read them.
func TestServerSecrets(t *testing.T) {
	dir := t.TempDir()
	start := func(cfg ServerConfig) *Server {
		t.Helper()
		cfg.Dir, cfg.Listen = dir, "127.0.0.1:0"
		srv, err := StartServer(cfg, zaptest.NewLogger(t))
		if err != nil {
			t.Fatal(err)
		}
		return srv
	}
	srv := start(ServerConfig{})
	first := passwordIn(t, srv.URL())
	srv.Close()
	srv = start(ServerConfig{IntegratorPassword: `a "quoted" $one`})
	defer func() { srv.Close() }()
	if passwordIn(t, srv.URL()) != first {
		t.Fatal("the second start made another password")
	}
	natstest.Connect(t, srv.URL())
	natstest.Connect(t, srv.IntegratorURL())
	info, err := os.Stat(filepath.Join(dir, "passwords.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if _, err := StartServer(ServerConfig{Dir: dir}, zaptest.NewLogger(t)); err == nil || !strings.Contains(err.Error(), "another pse") {
		t.Fatalf("a second server on the directory: %v", err)
	}
	srv.Close()
	if err := os.WriteFile(filepath.Join(dir, "passwords.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := StartServer(ServerConfig{Dir: dir}, zaptest.NewLogger(t)); err == nil || !strings.Contains(err.Error(), "delete it") {
		t.Fatalf("a damaged file: %v", err)
	}
}

// With a certificate the server speaks TLS only, and a client trusts only whom it is told to.
func TestServerTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificatetest.Write(t, dir, 1)
	srv, err := StartServer(ServerConfig{Dir: filepath.Join(dir, "bus"), Listen: "127.0.0.1:0", TLSCert: cert, TLSKey: key}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if !strings.HasPrefix(srv.URL(), "tls://") {
		t.Errorf("URL %s", srv.URL())
	}
	b, err := Connect(t.Context(), Options{URL: srv.URL(), Identity: Identity{CA: cert}, Name: "far"}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	publish(t, b, started("a", "1"))
	if nc, err := nats.Connect(srv.URL(), nats.Timeout(patience)); err == nil {
		nc.Close()
		t.Error("a stranger's certificate was trusted")
	}
	testBus(t, srv) // needs none in the process
	if _, err := StartServer(ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", TLSCert: key, TLSKey: cert}, zaptest.NewLogger(t)); err == nil {
		t.Error("started without a certificate")
	}
}
