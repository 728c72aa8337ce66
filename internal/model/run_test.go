package model

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Histories have different sources of chance, and the same seed gives the same again.
func TestRun(t *testing.T) {
	t.Setenv(envTime, "1ns")
	t.Setenv(envSeed, "")
	var drawn []uint64
	Run(t, func(_ *testing.T, r *rand.Rand) { drawn = append(drawn, r.Uint64()) })
	if len(drawn) != 1 {
		t.Fatalf("%d histories in no time", len(drawn))
	}
	t.Setenv(envTime, "50ms")
	drawn = nil
	Run(t, func(_ *testing.T, r *rand.Rand) { drawn = append(drawn, r.Uint64()) })
	if n := len(drawn); n < 2 || len(slices.Compact(slices.Sorted(slices.Values(drawn)))) != n {
		t.Fatalf("%d histories, some alike", n)
	}
	t.Setenv(envSeed, "17")
	drawn = nil
	for range 2 {
		Run(t, func(_ *testing.T, r *rand.Rand) { drawn = append(drawn, r.Uint64()) })
	}
	if len(drawn) != 2 || drawn[0] != drawn[1] {
		t.Fatalf("of one seed: %v", drawn)
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name   string
		env    map[string]string
		length time.Duration
		seed   uint64 // 0: any
		wrong  string
	}{
		{"nothing said", nil, short, 0, ""},
		{"long", map[string]string{envLong: "1"}, time.Hour, 0, ""},
		{"a length", map[string]string{envTime: "2m"}, 2 * time.Minute, 0, ""},
		{"a length of long", map[string]string{envLong: "1", envTime: "20m"}, 20 * time.Minute, 0, ""},
		{"a seed", map[string]string{envSeed: "99"}, short, 99, ""},
		{"no seed", map[string]string{envSeed: "x"}, 0, 0, `PSE_MODEL_SEED is "x"; write the number that a failure printed`},
		{"no length", map[string]string{envTime: "5"}, 0, 0, `PSE_MODEL_TIME is "5"; write a time like 30s or 1h`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := planOf(func(key string) string { return c.env[key] })
			if c.wrong != "" {
				if err == nil || err.Error() != c.wrong {
					t.Fatalf("%v, want %s", err, c.wrong)
				}
				return
			}
			if err != nil || p.length != c.length || p.once != (c.seed != 0) || c.seed != 0 && p.seed != c.seed {
				t.Fatalf("%+v, %v", p, err)
			}
		})
	}
}
