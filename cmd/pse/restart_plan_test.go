package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A restartPlan is what happens in one run of the test of restarts: sessions of
// one name, each with its publisher's takes and the kills in it. The same seed
// makes the same plan.
type restartPlan struct {
	seed     uint64
	sessions []planSession
}

// planSession is one session of the name as a publisher means it. A publisher
// that finds no server for longer than the grace time makes two of it.
type planSession struct {
	camera bool // ffmpeg with a camera, live; else recorded pictures by our own client
	takes  []planTake
	kills  []planKill // in order
}

// planTake is one connection of the publisher, and how long he is away after it.
type planTake struct {
	shots []planShot
	away  time.Duration // 0 after the last
}

// planShot is a stretch of media with the same picture size.
type planShot struct {
	size  int // index of film sizes
	sound bool
	span  time.Duration
}

// planKill ends a process.
type planKill struct {
	at   time.Duration // since the session's first take
	unit string        // a process' name, or "whole": all of them at once
	term bool          // SIGTERM, else SIGKILL
	bin  string        // the program that is started instead; empty: the same
}

func (k planKill) String() string {
	s := "SIGKILL"
	if k.term {
		s = "SIGTERM"
	}
	return fmt.Sprintf("%v %s %s", k.at, s, k.unit)
}

func (s planSession) String() string {
	var b strings.Builder
	for _, t := range s.takes {
		for _, x := range t.shots {
			fmt.Fprintf(&b, "[size %d sound %v %v]", x.size, x.sound, x.span)
		}
		if t.away > 0 {
			fmt.Fprintf(&b, " away %v ", t.away)
		}
	}
	return fmt.Sprintf("ffmpeg %v: %s; %v", s.camera, b.String(), s.kills)
}

// restartSeed is a fresh seed, or PSE_MODEL_SEED, which repeats a run.
func restartSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("PSE_MODEL_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("PSE_MODEL_SEED: %v", err)
		}
	}
	t.Logf("PSE_MODEL_SEED=%d repeats this", seed)
	return seed
}

// restartForm says how much a plan is to hold.
type restartForm struct {
	kills, each int           // in all, and in a session
	span        time.Duration // of a session, about
	shots       int           // of a connection, at most
}

// plan draws a plan with kills of units.
func (form restartForm) plan(seed uint64, units []string) *restartPlan {
	rnd := rand.New(rand.NewPCG(seed, 9))
	p := &restartPlan{seed: seed}
	for kills, n := form.kills, 0; kills > 0; n++ {
		s := planSession{camera: n%4 == 3}
		if s.camera {
			s.takes = drawTakes(rnd, 1, form.span) // ffmpeg cannot change anything in mid-connection
		} else {
			s.takes = drawTakes(rnd, form.shots, form.span)
		}
		for range min(kills, form.each) {
			s.kills = append(s.kills, planKill{
				at: seconds(rnd, 1, s.span().Seconds()), unit: units[rnd.IntN(len(units))], term: rnd.IntN(3) == 0,
			})
		}
		kills -= len(s.kills)
		slices.SortFunc(s.kills, func(a, b planKill) int { return int(a.at - b.at) })
		p.sessions = append(p.sessions, s)
	}
	return p
}

// drawTakes draws connections of one to most shots each, span or more in all.
func drawTakes(rnd *rand.Rand, most int, span time.Duration) (takes []planTake) {
	for spanOf(takes) < span {
		t := planTake{away: seconds(rnd, 0.3, 4)}
		for shots := 1 + rnd.IntN(most); len(t.shots) < shots; {
			t.shots = append(t.shots, planShot{size: rnd.IntN(len(filmSizes)), sound: rnd.IntN(4) > 0, span: seconds(rnd, 3, 9)})
		}
		takes = append(takes, t)
	}
	takes[len(takes)-1].away = 0
	return takes
}

func (s planSession) span() time.Duration { return spanOf(s.takes) }

func spanOf(takes []planTake) (all time.Duration) {
	for _, t := range takes {
		for _, x := range t.shots {
			all += x.span
		}
		all += t.away
	}
	return all
}

// silent says that some of it has no sound.
func (s planSession) silent() bool {
	return slices.ContainsFunc(s.takes, func(t planTake) bool {
		return slices.ContainsFunc(t.shots, func(x planShot) bool { return !x.sound })
	})
}

// losesMedia says that the media log may be gone at some time in it: it is in
// the bus' memory (README, "What is not").
func (s planSession) losesMedia() bool {
	return slices.ContainsFunc(s.kills, func(k planKill) bool { return k.unit == whole || k.unit == "bus" })
}

func seconds(rnd *rand.Rand, from, to float64) time.Duration {
	return time.Duration((from+rnd.Float64()*(to-from))*1000) * time.Millisecond
}
