package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

// A log remembers an error of writing until its server ends: with the disk full
// or all descriptors used for a moment, nothing would be stored from then on.
// So somebody looks whether a record can be written and read, in files and in
// memory, whether any log remembers an error, and starts the server anew when
// the cause is gone. Logs in memory are lost with that, as with a restart of
// the process; connections are made again.

const (
	lookEvery  = 10 * time.Second
	lookAgain  = time.Second      // while there is trouble
	lookTime   = 10 * time.Second // for one look
	makingTime = 5 * time.Second  // that a log may take to be made
	slowAtMost = time.Minute      // of looks that only get no answer: the machine may be busy
	lastPause  = time.Minute      // between two starts anew
	spareFiles = 64               // that a server needs to start
)

// Trouble is why nothing can be stored, or nil, as Watch has seen it last.
func (s *Server) Trouble() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.trouble
}

func (s *Server) setTrouble(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (err == nil) != (s.trouble == nil) {
		if err != nil {
			s.log.Error("the bus does not store", zap.Error(err))
		} else {
			s.log.Info("the bus stores again")
		}
	}
	s.trouble = err
}

// A lookout has a connection of its own, and keeps it: when strangers hold all
// that there are nobody gets another.
type lookout struct {
	s  *Server
	nc *nats.Conn
	js jetstream.JetStream
}

func (s *Server) lookout() (l lookout, err error) {
	l.s = s
	l.nc, err = nats.Connect("", nats.InProcessServer(s), nats.UserInfo(userHealth, s.passwords.Local), nats.Name("health"),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(lookAgain/20), nats.ReconnectJitter(lookAgain/20, lookAgain/20))
	if err == nil {
		l.js, err = jetstream.New(l.nc)
	}
	if err != nil {
		return l, fmt.Errorf("look after the bus: %w", err)
	}
	return l, nil
}

// Watch looks after the server until ctx ends.
func (s *Server) Watch(ctx context.Context) error {
	l, err := s.lookout()
	if err != nil {
		return err
	}
	defer l.nc.Close()
	pause := lookAgain
	full := false
	var begun, started time.Time // of the trouble; of the last start anew
	for {
		err := l.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.setTrouble(err)
		full = s.sayFull(full)
		s.mu.RLock()
		said := s.memory.said
		s.mu.RUnlock()
		if err == nil {
			begun = time.Time{}
			if time.Since(started) > lastPause {
				pause = lookAgain
			}
			select {
			case <-ctx.Done():
				return nil
			case <-said:
			case <-time.After(lookEvery):
				continue
			}
		} else if begun.IsZero() {
			begun = time.Now()
		} else if (errors.Is(err, errRemembered) || time.Since(begun) > slowAtMost) && time.Since(started) > pause {
			if err := s.spare(); err != nil {
				s.setTrouble(fmt.Errorf("%w; the bus goes on when that is over", err))
			} else if s.again(ctx) {
				started, begun, pause = time.Now(), time.Time{}, min(2*pause, lastPause)
				continue
			}
		}
		if !sleep.For(ctx, lookAgain) {
			return nil
		}
	}
}

// look says why nothing can be stored.
func (l lookout) look(ctx context.Context) error {
	l.s.mu.RLock()
	memory := l.s.memory
	l.s.mu.RUnlock()
	if err := memory.err(); err != nil {
		return err
	}
	if err := l.unhealthy(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	for !l.nc.IsConnected() {
		if !sleep.For(ctx, lookAgain/20) {
			return fmt.Errorf("connect to the bus: %w", ctx.Err())
		}
	}
	return errors.Join(roundTrip(ctx, l.js, "FILE", jetstream.FileStorage), roundTrip(ctx, l.js, "MEMORY", jetstream.MemoryStorage))
}

// unhealthy says what the server itself says of its logs. Of one that is just being
// made it says that it could not be recovered (findings/nats-healthz-of-a-new-stream.sh),
// so what counts is what it goes on saying. Other answers than 503 are of a server
// that is just starting or stopping.
func (l lookout) unhealthy(ctx context.Context) error {
	for start := time.Now(); ; {
		h := l.s.current().Healthz(nil)
		if h.StatusCode != http.StatusServiceUnavailable {
			return nil
		}
		if time.Since(start) > makingTime || !sleep.For(ctx, lookAgain/20) {
			return fmt.Errorf("%s: %w", h.Error, errRemembered)
		}
	}
}

// roundTrip writes a record and reads it.
func roundTrip(ctx context.Context, js jetstream.JetStream, log string, storage jetstream.StorageType) error {
	stream, err := js.Stream(ctx, log)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: log, Subjects: []string{log}, Storage: storage, MaxMsgs: 1, Discard: jetstream.DiscardOld,
		})
	}
	if err != nil {
		return fmt.Errorf("make a log (%s): %w", log, err)
	}
	wrote := nuid.Next()
	if _, err := js.Publish(ctx, log, []byte(wrote)); err != nil {
		return fmt.Errorf("write a record (%s): %w", log, err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, log)
	if err != nil {
		return fmt.Errorf("read a record (%s): %w", log, err)
	}
	if string(m.Data) != wrote {
		return fmt.Errorf("read a record (%s): it is not what was written", log)
	}
	return nil
}

// spare says why another server could not start, or would not store: the disk
// takes nothing, or there are no descriptors.
func (s *Server) spare() (err error) {
	path := filepath.Join(s.cfg.Dir, ".spare")
	defer func() { _ = os.Remove(path) }()
	for range spareFiles {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 1<<20))
	return errors.Join(err, f.Sync(), f.Close())
}

// again starts the server anew, and tries until that succeeds or ctx ends.
func (s *Server) again(ctx context.Context) bool {
	s.log.Warn("starting the bus anew: it remembers an error")
	for pause := lookAgain; ; pause = min(2*pause, lastPause) {
		old := s.current()
		old.Shutdown()
		old.WaitForShutdown()
		err := s.launch()
		if err == nil {
			s.log.Info("the bus was started anew")
			return true
		}
		s.setTrouble(err)
		s.log.Error("the bus cannot be started anew, trying again", zap.Duration("in", pause), zap.Error(err))
		if !sleep.For(ctx, pause) {
			return false
		}
	}
}
