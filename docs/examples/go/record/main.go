// Record writes a rendition of a stream into a file, part by part as they are
// told, until the stream has ended:
//
//	record FILE-OF-THE-URL HTTP STREAM RENDITION OUT.mp4
//
// A durable subscription keeps the place: started again within the window (bus.dvr,
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

	"github.com/helios-h2020/pse/client"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 6 {
		return errors.New("usage: record FILE-OF-THE-URL HTTP STREAM RENDITION OUT.mp4")
	}
	stream, rendition := os.Args[3], os.Args[4]
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Connect(os.Args[1], client.Options{Name: "record"})
	if err != nil {
		return err
	}
	defer c.Close()
	out, err := os.OpenFile(os.Args[5], os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	r := &recorder{out: out, rendition: rendition, base: os.Args[2] + "/hls/" + url.PathEscape(stream) + "/" + rendition + "/"}
	ctx, r.end = context.WithCancel(ctx)
	defer r.end()
	fmt.Println("recording")
	err = c.Consume(ctx, client.Subscription{
		Durable: "record-go", Filters: []string{"segment.ready." + stream, "stream.ended." + stream},
		Since: time.Now(),
	}, r.take)
	if r.over != nil && errors.Is(err, context.Canceled) {
		fmt.Println("recorded")
		return out.Sync()
	}
	return err
}

// recorder appends the segments of a rendition to a file.
type recorder struct {
	out             io.Writer
	rendition, base string
	started         bool
	over            *time.Timer // runs since the stream has ended
	end             func()
}

// lastSegments is how long others may take to tell of a stream's last segments when
// it has ended.
const lastSegments = 5 * time.Second

func (r *recorder) take(ctx context.Context, d client.Delivery) error {
	if d.Type == "stream.ended" {
		r.over = time.AfterFunc(lastSegments, r.end)
		return nil
	}
	var segment struct {
		Rendition     string
		MSN           uint64
		Discontinuity bool
	}
	if err := json.Unmarshal(d.Data, &segment); err != nil || segment.Rendition != r.rendition {
		return err
	}
	if !r.started || segment.Discontinuity { // the parameters may be others
		if err := r.copyInit(ctx); err != nil {
			return err
		}
		r.started = true
	}
	if r.over != nil {
		r.over.Reset(lastSegments)
	}
	return fetch(ctx, r.out, r.base+fmt.Sprintf("%d.m4s", segment.MSN))
}

// copyInit appends the newest initialization segment of the list.
func (r *recorder) copyInit(ctx context.Context) error {
	var list strings.Builder
	if err := fetch(ctx, &list, r.base+"index.m3u8"); err != nil {
		return err
	}
	maps := regexp.MustCompile(`#EXT-X-MAP:URI="([^"]+)"`).FindAllStringSubmatch(list.String(), -1)
	if maps == nil {
		return errors.New("the list has no EXT-X-MAP")
	}
	return fetch(ctx, r.out, r.base+maps[len(maps)-1][1])
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
