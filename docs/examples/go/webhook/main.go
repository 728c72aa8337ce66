// Webhook posts every event that matches a filter, as stream.> or
// upload.completed.*, to a URL:
//
//	webhook FILE-OF-THE-URL FILTER URL
//
// What is not taken comes again, also what happened while this program, the
// receiver or PSE was away: up to 7 days. What the receiver has not taken six times
// in a minute is a dead letter, which pse events dead shows.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/helios-h2020/pse/client"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 4 {
		return errors.New("usage: webhook FILE-OF-THE-URL FILTER URL")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Connect(os.Args[1], client.Options{Name: "webhook", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Println("posting")
	return c.Consume(ctx, client.Subscription{
		Durable: "webhook-go", Filters: []string{os.Args[2]},
		All: true, // from the oldest there is; without it: from now on
	}, func(ctx context.Context, d client.Delivery) error { return post(ctx, os.Args[3], d) })
}

func post(ctx context.Context, url string, d client.Delivery) error {
	event, err := json.Marshal(d.Envelope)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(event))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return errors.New(res.Status)
	}
	return nil
}
