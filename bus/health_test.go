package bus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/internal/sleep"
)

// starve takes all descriptors of this process, those too that become free, until release.
func starve(t *testing.T) (release func()) {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(open) == 0 {
		t.Fatalf("which descriptors are open: %v", err)
	}
	most := 0
	for _, f := range open {
		n, _ := strconv.Atoi(filepath.Base(f))
		most = max(most, n)
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	now := was
	now.Cur = uint64(most + 1)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	first, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		taken := sync.OnceFunc(func() { close(first) })
		var all []*os.File
		for ctx.Err() == nil {
			f, err := os.Open(os.DevNull)
			if err == nil {
				all = append(all, f)
				continue
			}
			if !errors.Is(err, syscall.EMFILE) {
				t.Error(err)
			}
			taken()
			sleep.For(ctx, time.Millisecond)
		}
		for _, f := range all {
			f.Close()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Error(err)
		}
	}()
	<-first
	return sync.OnceFunc(func() { stop(); <-ended })
}

// All descriptors are used up while something is stored: the server says so,
// and when there are some again it stores again, for those who were connected
// all the time.
func TestServerStoresAgain(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no list of open descriptors on this system")
	}
	log := zaptest.NewLogger(t)
	srv, err := StartServer(ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	was := srv.URL()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	watching, stop := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() { watched <- srv.Watch(watching) }()
	defer func() {
		stop()
		if err := <-watched; err != nil {
			t.Error(err)
		}
	}()
	var all []*Bus
	for _, o := range []Options{{Server: srv, Name: "here"}, {URL: srv.URL(), Name: "elsewhere"}} {
		b, err := Connect(ctx, o, log)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		all = append(all, b)
	}
	store := func(b *Bus) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := b.conn.JetStream().Publish(ctx, event.SubjectDead+"a.b.c", make([]byte, 1<<20)) // a log's next file is never far
		return err
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for !ok() {
			if !sleep.For(ctx, 20*time.Millisecond) {
				t.Fatalf("not in time: %s", what)
			}
		}
	}
	release := starve(t)
	defer release()
	until("it says so", func() bool { return store(all[0]) != nil || srv.Trouble() != nil }) // when it next makes a file
	until("it says so", func() bool { return srv.Trouble() != nil })
	release()
	until("it stores", func() bool { return store(all[0]) == nil && srv.Trouble() == nil })
	until("it stores for others", func() bool { return store(all[1]) == nil })
	if _, err := all[1].RotateSharedKeys(ctx, "health", time.Hour, time.Hour); err != nil { // in a log that nobody wrote to meanwhile
		t.Error(err)
	}
	until("it has its logs in memory", func() bool {
		_, err := all[1].PublishChunk(ctx, &Chunk{SID: "a", N: 1, Tags: AppendTag(nil, Tag{Type: TagAudio, Data: []byte{0xaf, 1, 2}})})
		return err == nil
	})
	if at := srv.URL(); at != was {
		t.Error("it has another address or password now")
	}
}
