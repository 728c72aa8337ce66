// Refuse refuses publishers of one stream name, and lets all others in:
//
//	refuse FILE-OF-THE-URL NAME
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/client"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return errors.New("usage: refuse FILE-OF-THE-URL NAME")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Connect(os.Args[1], client.Options{Name: "refuse"})
	if err != nil {
		return err
	}
	defer c.Close()
	end, err := client.Answer(c, func(_ context.Context, h event.PublishHook) (event.Verdict, error) {
		if h.Name == os.Args[2] {
			return event.Verdict{Reason: "nobody publishes " + h.Name + " here"}, nil
		}
		return event.Verdict{Allow: true}, nil
	})
	if err != nil {
		return err
	}
	defer end()
	fmt.Println("answering")
	<-ctx.Done()
	return nil
}
