package bus

import (
	"context"
	"errors"
	"testing"
)

func TestAskDirect(t *testing.T) {
	srv := testServer(t)
	a, b := testBus(t, srv), testBus(t, srv)
	began, ended := make(chan struct{}), make(chan struct{})
	stop, err := b.AnswerDirect("echo", func(ctx context.Context, q Direct) []byte {
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
	if got, err := a.AskDirect(t.Context(), b.ID(), "echo", []byte("x")); err != nil || string(got) != "x" {
		t.Fatalf("%q, %v", got, err)
	}
	for _, nobody := range []string{"nobody", "a b", "*", ""} {
		if _, err := a.AskDirect(t.Context(), nobody, "echo", nil); !errors.Is(err, ErrNoWorker) {
			t.Errorf("%q: %v", nobody, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	if _, err := a.AskDirect(ctx, b.ID(), "echo", []byte("wait")); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	<-ended // who answers hears that nobody wants it any more
}

func TestPipe(t *testing.T) {
	srv := testServer(t)
	a, b := testBus(t, srv), testBus(t, srv)
	there := make(chan *Pipe, 1)
	stop, err := b.AnswerDirect("dial", func(_ context.Context, q Direct) []byte {
		there <- q.Pipe
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	p, err := a.DialDirect(t.Context(), b.ID(), "dial", nil)
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
	if _, err := a.DialDirect(t.Context(), "nobody", "dial", nil); !errors.Is(err, ErrNoWorker) {
		t.Fatal(err)
	}
}
