package engineio_test

import (
	"bytes"
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

func TestMessagesByPolling(t *testing.T) {
	e := serve(t, patient())
	for _, c := range []struct {
		name      string
		eio       int
		more      string
		post, got string
		binary    bool
	}{
		{"one", 4, "", "4hello", "4hello", false},
		{"empty", 4, "", "4", "4", false},
		{"several", 4, "", "4test1\x1e4test2\x1e4test3", "4test1\x1e4test2\x1e4test3", false},
		{"binary", 4, "", "4hello\x1ebAQIDBA==", "4hello\x1ebAQIDBA==", false},
		{"beyond ASCII", 4, "", "4h€llo 𝄞", "4h€llo 𝄞", false},
		{"one", 3, "", "6:4hello", "6:4hello", false},
		{"several", 3, "&b64=1", "6:4test16:4test26:4test3", "6:4test16:4test26:4test3", false},
		{"binary as base64", 3, "&b64=1", "6:4hello10:b4AQIDBA==", "6:4hello10:b4AQIDBA==", false},
		{"binary", 3, "", "6:4hello10:b4AQIDBA==", "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", false},
		{"binary payload", 3, "", "\x00\x04\xff4€\x01\x05\xff\x04\x01\x02\x03\x04", "\x00\x04\xff4€\x01\x05\xff\x04\x01\x02\x03\x04", true},
		{"characters, not bytes", 3, "", "2:4€", "2:4€", false},
		{"UTF-16 units", 3, "", "3:4𝄞2:4a", "3:4𝄞2:4a", false},
		{"long", 3, "", "12:4hello world", "12:4hello world", false},
	} {
		p := engineiotest.NewPoller(t, e.url, c.eio)
		p.More = c.more
		p.Open()
		if c.binary {
			if status, body := p.PostBinary(c.post); status != 200 || body != "ok" {
				t.Fatalf("EIO=%d %s: %d %s", c.eio, c.name, status, body)
			}
		} else {
			p.Send(c.post)
		}
		if got := p.Poll(); got != c.got {
			t.Errorf("EIO=%d %s: got %q, want %q", c.eio, c.name, got, c.got)
		}
	}
}

func TestMessagesByWebSocket(t *testing.T) {
	e := serve(t, patient())
	w, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	w.Send("4hello")
	w.Expect("4hello")
	w.SendBinary([]byte{1, 2, 3, 4})
	if got := w.ReadBinary(); !bytes.Equal(got, []byte{1, 2, 3, 4}) {
		t.Errorf("got %v", got)
	}

	w, _ = engineiotest.OpenWebSocket(t, e.url, 3)
	w.Send("4hello")
	w.Expect("4hello")
	w.SendBinary([]byte{4, 1, 2, 3, 4})
	if got := w.ReadBinary(); !bytes.Equal(got, []byte{4, 1, 2, 3, 4}) {
		t.Errorf("got %v", got)
	}

	w = engineiotest.Dial(t, e.url, 3, "", "&b64=1")
	w.Read()
	w.Send("b4AQIDBA==")
	w.Expect("b4AQIDBA==")
}

func TestInvalidPacketsEndTheSession(t *testing.T) {
	e := serve(t, patient())
	for _, c := range []struct {
		eio  int
		body string
	}{
		{4, "abc"},
		{4, ""},
		{4, "4a\x1e"},
		{4, "b???"},
		{4, "0"},
		{4, "2"},
		{4, "7"},
		{4, "4\xff"},
		{3, "abc"},
		{3, ""},
		{3, "9:4a"},
		{3, ":4a"},
		{3, "-1:4"},
		{3, "1:3"},
		{3, "0:"},
		{3, "2:4a1"},
		{3, "99999999999999999999:4"},
		{3, "6:bAQIDBA=="},
	} {
		p, _ := engineiotest.Open(t, e.url, c.eio)
		if status, body := p.Post(c.body); status != 400 || body != `{"code":3,"message":"Bad request"}` {
			t.Errorf("EIO=%d %q answered %d %s", c.eio, c.body, status, body)
		}
		e.ended(engineio.ParseError)
		e.gone(p)
	}
	for _, body := range []string{"\x00\xff4", "\x02\x01\xff4", "\x00\x01\x0a\xff4", "\x00\x05\xff4", "\x01\x01\xff\x02", "\x00"} {
		p, _ := engineiotest.Open(t, e.url, 3)
		if status, _ := p.PostBinary(body); status != 400 {
			t.Errorf("%q answered %d", body, status)
		}
		e.ended(engineio.ParseError)
	}
	p, _ := engineiotest.Open(t, e.url, 4)
	if status, _ := p.PostBinary("4a"); status != 400 {
		t.Errorf("a binary payload in revision 4 answered %d", status)
	}
	e.ended(engineio.TransportError)
	for _, eio := range []int{4, 3} {
		w, _ := engineiotest.OpenWebSocket(t, e.url, eio)
		w.Send("abc")
		e.ended(engineio.ParseError)
		w.Closed()
	}
	w, _ := engineiotest.OpenWebSocket(t, e.url, 3)
	w.SendBinary([]byte{9})
	e.ended(engineio.ParseError)
	w.Closed()
}

// Messages before an invalid one count, those after it do not.
func TestPacketsBeforeAnInvalidOneCount(t *testing.T) {
	e := serve(t, patient())
	p, _ := engineiotest.Open(t, e.url, 4)
	p.Post("4a\x1e9\x1e4b")
	e.ended(engineio.ParseError)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.messages) != 1 || e.messages[0] != "a" {
		t.Errorf("heard %q", e.messages)
	}
}
