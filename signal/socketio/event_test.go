package socketio_test

import (
	"bytes"
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

func TestEventsComeBackByteByByte(t *testing.T) {
	a := serve(t)
	w := a.main()
	for _, args := range []string{
		"", `,1,"2",{"3":[true]}`, `,{"z":1,"a":2,"m":{"y":0,"b":[1.0,1e400,-0]}}`, `,"\u0041\/ü 𝄞 <&>"`, `,[[[]]],{},null,"]}\"[{,"`,
		`,{"a":1,"a":2}`, `,12345678901234567890123`, `,{"_placeholder":true,"num":5}`,
	} {
		w.Send(`42["message"` + args + "]")
		w.Expect(`42["message-back"` + args + "]")
	}
	w.Send(`42[ "message" , { "k" : 1 } ]`)
	w.Expect(`42["message-back",{ "k" : 1 }]`)
	w.Send(`4212["message-with-ack",1,"2",{"3":[false]}]`)
	w.Expect(`4312[1,"2",{"3":[false]}]`)
	w.Send(`420["message-with-ack"]`)
	w.Expect(`430[]`)
}

func TestAttachments(t *testing.T) {
	a := serve(t)
	w := a.main()
	read := func(want string) {
		t.Helper()
		w.Expect(want)
		if one, two := w.ReadBinary(), w.ReadBinary(); !bytes.Equal(one, []byte{1, 2, 3}) || !bytes.Equal(two, []byte{4, 5, 6}) {
			t.Errorf("got %v and %v", one, two)
		}
	}
	send := func(packet string) {
		t.Helper()
		w.Send(packet)
		w.SendBinary([]byte{1, 2, 3})
		w.SendBinary([]byte{4, 5, 6})
	}
	const both = `{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}`
	send(`452-["message",` + both + `]`)
	read(`452-["message-back",` + both + `]`)
	send(`452-789["message-with-ack",` + both + `]`)
	read(`462-789[` + both + `]`)
	send(`452-["ask",{"deep":[` + both + `]}]`)
	read(`452-1["question",{"deep":[` + both + `]}]`)
	send(`462-1[` + both + `]`)
	read(`452-["answered",` + both + `]`)
}

func TestAttachmentsByPolling(t *testing.T) {
	a := serve(t)
	p, _ := engineiotest.Open(t, a.url, 4)
	p.Send("40")
	p.Poll()
	p.Send(`451-["message",{"_placeholder":true,"num":0}]` + "\x1ebAQID")
	if got := p.Poll(); got != `451-["message-back",{"_placeholder":true,"num":0}]`+"\x1ebAQID" {
		t.Errorf("got %q", got)
	}
}

func TestServerAsks(t *testing.T) {
	a := serve(t)
	w := a.main()
	w.Send(`42["ask",{"b":1,"a":2}]`)
	w.Expect(`421["question",{"b":1,"a":2}]`)
	w.Send(`42["ask"]`)
	w.Expect(`422["question"]`)
	w.Send(`432["second"]`)
	w.Send(`431["first"]`)
	w.Send(`431["again: nobody waits for it"]`)
	w.Expect(`42["answered","second"]`, `42["answered","first"]`)
	w.Send(`42["ask-in-vain"]`)
	w.Expect(`423["question"]`, `42["late"]`)
	w.Send(`433["too late"]`)
	w.Send(`42["ask"]`) // is never answered: the end of the test ends it
	w.Expect(`424["question"]`)
	w.Close()
	a.closed(engineio.TransportClose)
}
