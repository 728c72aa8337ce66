package conn

import (
	"context"
	"errors"
	"testing"
)

func TestAskDirect(t *testing.T) {
	at := testServer(t)
	a, b := testConn(t, at, 1), testConn(t, at, 1)
	began, ended := make(chan struct{}), make(chan struct{})
	stop, err := ServeDirect(b, "direct.b.echo", "echo", func(ctx context.Context, q Direct) []byte {
		if string(q.Data) == "wait" {
			close(began)
			<-ctx.Done()
			close(ended)
		}
		return q.Data
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if got, err := RequestDirect(t.Context(), a, "direct.b.echo", "b", []byte("x")); err != nil || string(got) != "x" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := RequestDirect(t.Context(), a, "direct.nobody", "nobody", nil); !errors.Is(err, ErrNoWorker) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	if _, err := RequestDirect(ctx, a, "direct.b.echo", "b", []byte("wait")); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	<-ended // who answers hears that nobody wants it any more
}

func TestPipe(t *testing.T) {
	at := testServer(t)
	a, b := testConn(t, at, 1), testConn(t, at, 1)
	there := make(chan *Pipe, 1)
	stop, err := ServeDirect(b, "direct.b.dial", "dial", func(_ context.Context, q Direct) []byte {
		there <- q.Pipe
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	p, err := DialDirect(t.Context(), a, "direct.b.dial", "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	q := <-there
	for i := range 10 {
		if err := p.Send(i%2 == 1, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Send(false, []byte("back")); err != nil {
		t.Fatal(err)
	}
	p.Close()
	p.Close()
	for i := range 10 {
		if binary, data, err := q.Receive(); err != nil || binary != (i%2 == 1) || len(data) != 1 || data[0] != byte(i) {
			t.Fatalf("%d: %v %v, %v", i, binary, data, err)
		}
	}
	if _, _, err := q.Receive(); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := p.Send(false, nil); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if _, err := DialDirect(t.Context(), a, "direct.nobody", "nobody", nil); !errors.Is(err, ErrNoWorker) {
		t.Fatal(err)
	}
}
