package socketio_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
	"github.com/helios-h2020/pse/signal/socketio"
)

// FuzzSession sends a payload through all that a client's payload goes
// through: whatever it is, the server lives, the session ends when asked to,
// and each socket that connected was disconnected.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"40", "40/a,\x1e42/a,[\"x\"]\x1e41/a", "40\x1e451-[\"x\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID", "40\x1e4212[\"leave\"]\x1e42[\"x\"]",
		"40\x1e42[\"ask\"]\x1e430[]", "1\x1e40", "3\x1e40\x1e40", "2:406:42[\"x\"]", "1:2", "40{\"pid\":\"a\",\"offset\":\"b\"}",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, old bool) {
		open := map[*socketio.Socket]bool{}
		sio, err := socketio.New(socketio.Config{
			Match: func(string) bool { return true },
			Connect: func(s *socketio.Socket, _ *socketio.Handshake) socketio.Handler {
				open[s] = true
				return &fuzzed{s, open}
			},
			ConnectTimeout: 1 << 40, AcceptTimeout: 1 << 40, MaxNamespaces: 3, MaxAttachments: 3, MaxAttachmentBytes: 1000,
		})
		if err != nil {
			t.Fatal(err)
		}
		c := engineio.DefaultConfig()
		c.Open = sio.Open
		server, err := engineio.NewServer(c)
		if err != nil {
			t.Fatal(err)
		}
		query, eio := "EIO=4&transport=polling", 4
		if old {
			query, eio = "EIO=3&transport=polling", 3
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?"+query, nil))
		packet := w.Body.String()
		if eio == 3 {
			_, packet, _ = strings.Cut(packet, ":")
		}
		query += "&sid=" + engineiotest.ParseHandshake(t, packet).SID
		server.Serve(context.Background(), &engineio.Request{Method: http.MethodPost, Query: query, Body: payload})
		server.Close()
		if len(open) != 0 {
			t.Fatalf("%d sockets did not hear of the end", len(open))
		}
	})
}

// fuzzed answers in all ways there are. One session calls it, one call at a
// time; Close of the server comes after all of them.
type fuzzed struct {
	s    *socketio.Socket
	open map[*socketio.Socket]bool
}

func (u *fuzzed) Event(e socketio.Event, reply socketio.Reply) {
	if reply != nil {
		_ = reply(e.Args, e.Attachments)
	}
	switch e.Name {
	case "ask":
		_ = u.s.Call(e, 1<<40, func([]json.RawMessage, [][]byte, error) {})
	case "leave":
		u.s.Close()
	default:
		_ = u.s.Emit(e)
	}
}

func (u *fuzzed) Close(socketio.Reason) { delete(u.open, u.s) }
