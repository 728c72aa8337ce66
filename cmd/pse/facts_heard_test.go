package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// heardFacts are the events that came, in the order of the log.
type heardFacts struct {
	mu     sync.Mutex     // guards what follows
	ids    map[string]int // how often each came
	topics map[string]int
	lives  map[string]string // by what they are of (a relay, a stream's name, a call, a member): a letter for each event
	lost   int               // relays whose worker was lost
}

// hearFacts begins to hear what is told of relays, streams and calls.
func hearFacts(t *testing.T, b *bus.Bus) *heardFacts {
	h := &heardFacts{ids: map[string]int{}, topics: map[string]int{}, lives: map[string]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.TailSince(ctx, "", time.Time{}, h.take); !errors.Is(err, context.Canceled) {
			t.Errorf("the events are no longer heard: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return h
}

func (h *heardFacts) take(e bus.Envelope) error {
	var about struct {
		Session, Call, Member, Reason string
		JoinedAt                      int64 `json:"joined_at"`
	}
	if err := json.Unmarshal(e.Data, &about); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids[e.ID]++
	h.topics[e.Type]++
	domain, fact, _ := strings.Cut(e.Type, ".")
	of := domain + " " + e.Subject
	letter := map[string]string{
		"opened": "o", "closed": "c", "started": "S", "interrupted": "I", "resumed": "R", "ended": "E", "joined": "j", "left": "l",
	}[fact]
	if domain == "call" {
		of += " " + about.Call
		if about.Member != "" {
			member := fmt.Sprint(of, " ", about.Member, " ", about.JoinedAt)
			h.lives["member "+member] += letter
		}
	}
	h.lives[of] += letter
	if fact == "closed" && about.Reason != "" {
		h.lost++
	}
	return nil
}

// What whole lives look like.
var wholeLives = map[string]*regexp.Regexp{
	"relay":  regexp.MustCompile(`^oc$`),
	"stream": regexp.MustCompile(`^(S(IR)*I?E)+$`),
	"call":   regexp.MustCompile(`^Sj[jl]*lE$`),
	"member": regexp.MustCompile(`^jl$`),
}

// whole is nil when all that began is told to have ended, in order.
func (h *heardFacts) whole() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var bad []string
	for of, life := range h.lives {
		domain, _, _ := strings.Cut(of, " ")
		if !wholeLives[domain].MatchString(life) || strings.Count(life, "j") != strings.Count(life, "l") {
			bad = append(bad, of+": "+life)
		}
	}
	slices.Sort(bad)
	if len(bad) > 0 || len(h.lives) == 0 {
		return fmt.Errorf("%d of %d lives are not told whole: %s", len(bad), len(h.lives), strings.Join(bad, "\n"))
	}
	return nil
}

// once is nil when no event came twice.
func (h *heardFacts) once() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var twice []string
	for id, n := range h.ids {
		if n != 1 {
			twice = append(twice, fmt.Sprintf("%s %d times", id, n))
		}
	}
	if len(twice) > 0 {
		return fmt.Errorf("told more than once: %v", twice)
	}
	return nil
}
