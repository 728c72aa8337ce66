// Record writes a rendition of a stream into a file, part by part as they are
// told, until the stream has ended:
//
//	record FILE-OF-THE-URL HTTP STREAM RENDITION OUT.mp4
//
// A durable consumer keeps the place: started again within the window (bus.dvr,
// 2 minutes), it goes on where it was.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// event is what this program needs of a CloudEvent.
type event struct {
	Type string
	Data struct {
		Rendition     string
		MSN           uint64
		Discontinuity bool
	}
}

func run() error {
	if len(os.Args) != 6 {
		return errors.New("usage: record FILE-OF-THE-URL HTTP STREAM RENDITION OUT.mp4")
	}
	at, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	stream := os.Args[3]
	r := recorder{rendition: os.Args[4], base: os.Args[2] + "/hls/" + url.PathEscape(stream) + "/" + os.Args[4] + "/"}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	nc, err := nats.Connect(strings.TrimSpace(string(at)), nats.Name("record"), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, "FEED", jetstream.ConsumerConfig{
		Durable:        "record-go",
		FilterSubjects: []string{"events.v1.segment.ready." + stream, "events.v1.stream.ended." + stream},
		DeliverPolicy:  jetstream.DeliverNewPolicy, AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		return err
	}
	if r.out, err = os.OpenFile(os.Args[5], os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
		return err
	}
	defer r.out.Close()
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	fmt.Println("recording")
	return r.follow(ctx, messages)
}

// recorder is one rendition on its way into a file.
type recorder struct {
	rendition, base string
	out             *os.File
	started         bool
}

// follow takes parts as they are told, until the stream has ended.
func (r *recorder) follow(ctx context.Context, messages jetstream.MessagesContext) error {
	for ended := false; ; {
		wait := jetstream.NextContext(ctx)
		if ended { // others tell of the last segments, maybe later
			wait = jetstream.NextMaxWait(5 * time.Second)
		}
		m, err := messages.Next(wait)
		if ended && errors.Is(err, nats.ErrTimeout) {
			fmt.Println("recorded")
			return r.out.Sync()
		}
		if err != nil {
			return err
		}
		var e event
		if err := json.Unmarshal(m.Data(), &e); err != nil {
			return err
		}
		ended = ended || e.Type == "stream.ended"
		if e.Data.Rendition == r.rendition {
			if err := r.take(ctx, e); err != nil {
				return err
			}
		}
		if err := m.Ack(); err != nil {
			return err
		}
	}
}

// take appends a segment that is there now.
func (r *recorder) take(ctx context.Context, e event) error {
	if !r.started || e.Data.Discontinuity { // the parameters may be others
		if err := copyInit(ctx, r.out, r.base); err != nil {
			return err
		}
		r.started = true
	}
	return fetch(ctx, r.out, r.base+fmt.Sprintf("%d.m4s", e.Data.MSN))
}

// copyInit appends the newest initialization segment of the list.
func copyInit(ctx context.Context, out io.Writer, base string) error {
	var list strings.Builder
	if err := fetch(ctx, &list, base+"index.m3u8"); err != nil {
		return err
	}
	maps := regexp.MustCompile(`#EXT-X-MAP:URI="([^"]+)"`).FindAllStringSubmatch(list.String(), -1)
	if maps == nil {
		return errors.New("the list has no EXT-X-MAP")
	}
	return fetch(ctx, out, base+maps[len(maps)-1][1])
}

func fetch(ctx context.Context, w io.Writer, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	_, err = io.Copy(w, res.Body)
	return err
}
