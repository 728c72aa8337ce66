// Package model holds code against a model of it over random histories, for
// as long as there is time.
//
//	PSE_MODEL_SEED=123   runs the one history of this seed, as a failure printed it
//	PSE_MODEL_TIME=20m   says how long each model runs
//	PSE_LONG=1           the same, an hour each where PSE_MODEL_TIME says nothing
//
// Without any of them a model runs for some seconds.
package model

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

const (
	envSeed = "PSE_MODEL_SEED"
	envTime = "PSE_MODEL_TIME"
	envLong = "PSE_LONG"
)

const (
	short = 3 * time.Second
	long  = time.Hour
	// rest is what a test binary's deadline (go test -timeout) leaves for the history at hand.
	rest = 10 * time.Second
)

// Run runs one history after the other, each as a subtest of its own with a
// source of chance of its own, until the time is up or one has failed, whose
// seed it prints. A history that takes all its choices from the source and
// none from clocks, goroutines or the order of maps does the same again from
// the same seed. The first history always runs.
func Run(t *testing.T, history func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	p, err := planOf(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(p.length)
	if end, ok := t.Deadline(); ok && end.Add(-rest).Before(deadline) {
		deadline = end.Add(-rest)
	}
	for n := uint64(0); n == 0 || !p.once && time.Now().Before(deadline); n++ {
		seed := p.seed + n
		ok := t.Run("seed="+strconv.FormatUint(seed, 10), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("to repeat it: %s=%d go test -run '%s'", envSeed, seed, root(t.Name()))
				}
			}()
			history(t, rand.New(rand.NewPCG(seed, 0)))
		})
		if !ok {
			return
		}
	}
}

// plan is what is to be run.
type plan struct {
	seed   uint64 // of the first history; each further one has the next
	once   bool   // only that one
	length time.Duration
}

// planOf reads the environment.
func planOf(getenv func(string) string) (plan, error) {
	p := plan{seed: rand.Uint64() >> 16, length: short} // as many digits as one likes to copy
	if getenv(envLong) != "" {
		p.length = long
	}
	if v := getenv(envTime); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return p, fmt.Errorf("%s is %q; write a time like 30s or 1h", envTime, v)
		}
		p.length = d
	}
	if v := getenv(envSeed); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return p, fmt.Errorf("%s is %q; write the number that a failure printed", envSeed, v)
		}
		p.seed, p.once = seed, true
	}
	return p, nil
}

// root is the name of the test that a subtest is of.
func root(name string) string {
	for i := range name {
		if name[i] == '/' {
			return name[:i]
		}
	}
	return name
}
