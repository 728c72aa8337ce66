package engineio_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

func TestHandshake(t *testing.T) {
	e := serve(t, config())
	for _, eio := range []int{4, 3} {
		_, h := engineiotest.Open(t, e.url, eio)
		if len(h.Upgrades) != 1 || h.Upgrades[0] != "websocket" || h.SID == "" || h.PingInterval != 300 || h.PingTimeout != 200 || h.MaxPayload != 1e6 {
			t.Errorf("EIO=%d: polling handshake %+v", eio, h)
		}
		w, h := engineiotest.OpenWebSocket(t, e.url, eio)
		if h.Upgrades == nil || len(h.Upgrades) != 0 || h.SID == "" || h.PingInterval != 300 || h.PingTimeout != 200 || h.MaxPayload != 1e6 {
			t.Errorf("EIO=%d: WebSocket handshake %+v", eio, h)
		}
		w.Close()
	}
}

func TestBadRequestsHaveTheirCode(t *testing.T) {
	e := serve(t, patient())
	open, _ := engineiotest.Open(t, e.url, 4)
	for _, c := range []struct {
		method, query, want string
		status              int
	}{
		{"GET", "?EIO=4", `{"code":0,"message":"Transport unknown"}`, 400},
		{"GET", "?EIO=4&transport=abc", `{"code":0,"message":"Transport unknown"}`, 400},
		{"GET", "?EIO=4&transport=polling&sid=nobody", `{"code":1,"message":"Session ID unknown"}`, 400},
		{"POST", "?EIO=4&transport=polling&sid=nobody", `{"code":1,"message":"Session ID unknown"}`, 400},
		{"POST", "?EIO=4&transport=polling", `{"code":2,"message":"Bad handshake method"}`, 400},
		{"PUT", "?EIO=4&transport=polling", `{"code":2,"message":"Bad handshake method"}`, 400},
		{"PUT", "?EIO=4&transport=polling&sid=" + open.SID, `{"code":2,"message":"Bad handshake method"}`, 400},
		{"GET", "?EIO=4&transport=websocket", `{"code":3,"message":"Bad request"}`, 400},
		{"GET", "?EIO=3&transport=polling&sid=" + open.SID, `{"code":3,"message":"Bad request"}`, 400},
		{"GET", "?transport=polling", `{"code":5,"message":"Unsupported protocol version"}`, 400},
		{"GET", "?EIO=abc&transport=polling", `{"code":5,"message":"Unsupported protocol version"}`, 400},
		{"GET", "?EIO=2&transport=polling", `{"code":5,"message":"Unsupported protocol version"}`, 400},
	} {
		status, body := request(t, c.method, e.url+c.query, nil)
		if status != c.status || body != c.want {
			t.Errorf("%s %s answered %d %s, want %d %s", c.method, c.query, status, body, c.status, c.want)
		}
	}
	if status, body := request(t, "GET", e.url+"?EIO=3&transport=polling&j=0", nil); status != 400 || !strings.Contains(body, "JSONP") {
		t.Errorf("JSONP answered %d %s", status, body)
	}
	for _, query := range []string{"?transport=websocket", "?EIO=abc&transport=websocket", "?EIO=4", "?EIO=4&transport=abc", "?EIO=4&transport=polling", "?EIO=4&transport=websocket&sid=nobody"} {
		if w, status := engineiotest.TryDial(t, e.url, query); w != nil || status != http.StatusBadRequest {
			t.Errorf("WebSocket %s answered %d", query, status)
		}
	}
}

func TestEIO3CanBeRefused(t *testing.T) {
	c := patient()
	c.EIO3 = false
	e := serve(t, c)
	status, body := engineiotest.NewPoller(t, e.url, 3).Get()
	if status != 400 || body != `{"code":5,"message":"Unsupported protocol version"}` {
		t.Errorf("answered %d %s", status, body)
	}
}

func TestOrigins(t *testing.T) {
	anyone := serve(t, patient())
	c := patient()
	c.Origins, c.Credentials = []string{"https://good.example"}, true
	listed := serve(t, c)
	for _, k := range []struct {
		url, origin, allowed, credentials string
		status                            int
	}{
		{anyone.url, "https://a.example", "https://a.example", "", 200},
		{anyone.url, "", "", "", 200},
		{listed.url, "https://good.example", "https://good.example", "true", 200},
		{listed.url, "https://bad.example", "", "", 403},
		{listed.url, "", "", "", 200},
	} {
		for _, method := range []string{"GET", "OPTIONS"} {
			resp := ask(t, method, k.url+"?EIO=4&transport=polling", map[string]string{"Origin": k.origin})
			_ = resp.Body.Close()
			h := resp.Header
			if h.Get("Access-Control-Allow-Origin") != k.allowed || h.Get("Access-Control-Allow-Credentials") != k.credentials {
				t.Errorf("%s from %q: %v", method, k.origin, h)
			}
			want := k.status
			if method == "OPTIONS" {
				want = http.StatusNoContent
			}
			if resp.StatusCode != want {
				t.Errorf("%s from %q answered %d, want %d", method, k.origin, resp.StatusCode, want)
			}
		}
	}
	ws := map[string]string{"Origin": "https://bad.example", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
	if status, _ := request(t, "GET", listed.url+"?EIO=4&transport=websocket", ws); status != http.StatusForbidden {
		t.Errorf("a WebSocket from a foreign origin answered %d", status)
	}
}

// A page may send headers of its own (extraHeaders of socket.io-client), if its origin
// may connect.
func TestPreflightOfExtraHeaders(t *testing.T) {
	c := patient()
	c.Origins = []string{"https://good.example"}
	e := serve(t, c)
	for origin, want := range map[string]string{"https://good.example": "x-app,x-version", "https://bad.example": ""} {
		resp := ask(t, "OPTIONS", e.url+"?EIO=4&transport=polling", map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-app,x-version",
		})
		_ = resp.Body.Close()
		if got := resp.Header.Get("Access-Control-Allow-Headers"); got != want {
			t.Errorf("from %s: %q, want %q", origin, got, want)
		}
		if vary := resp.Header.Values("Vary"); want != "" && len(vary) != 2 {
			t.Errorf("a cache keeps it for others: %q", vary)
		}
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	open := func(*engineio.Session, *http.Request) engineio.Handler { return nil }
	for name, change := range map[string]func(*engineio.Config){
		"Open":        func(c *engineio.Config) { c.Open = nil },
		"PingTimeout": func(c *engineio.Config) { c.PingTimeout = 0 },
		"MaxPayload":  func(c *engineio.Config) { c.MaxPayload = 0 },
		"token":       func(c *engineio.Config) { c.Token = "a.b" },
		"Credentials": func(c *engineio.Config) { c.Credentials = true },
	} {
		c := engineio.DefaultConfig()
		c.Open = open
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := engineio.NewServer(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusedByOpen(t *testing.T) {
	engineiotest.NoLeaks(t)
	c := patient()
	c.Open = func(*engineio.Session, *http.Request) engineio.Handler { return nil }
	s, err := engineio.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	url := engineiotest.Serve(t, s) + "/engine.io/"
	if status, body := engineiotest.NewPoller(t, url, 4).Get(); status != 403 || body != `{"code":4,"message":"Forbidden"}` {
		t.Errorf("answered %d %s", status, body)
	}
	engineiotest.Dial(t, url, 4, "", "").Closed()
	if s.Len() != 0 {
		t.Errorf("%d sessions", s.Len())
	}
	s.Close()
}
