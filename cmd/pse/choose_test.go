package main

import (
	"slices"
	"strings"
	"testing"
)

func TestWhichWorkersRun(t *testing.T) {
	elsewhere := DefaultConfig()
	elsewhere.Bus.URL = "nats://pse:secret@box:4222"
	for name, c := range map[string]struct {
		cfg   Config
		names []string
		demo  bool
		want  string // or an error when it begins with !
	}{
		"all":                {DefaultConfig(), nil, false, "bus ingest transcode edge signal turn transfer"},
		"all but the bus":    {elsewhere, nil, false, "ingest transcode edge signal turn transfer"},
		"some":               {elsewhere, []string{"edge", "ingest", "edge"}, false, "ingest edge"},
		"bus alone":          {DefaultConfig(), []string{"bus"}, false, "bus"},
		"demo":               {DefaultConfig(), nil, true, "bus ingest transcode edge signal turn transfer demo"},
		"unknown":            {DefaultConfig(), []string{"egde"}, false, `!there is no worker "egde"; did you mean "edge"?`},
		"demo is no worker":  {DefaultConfig(), []string{"demo"}, false, `!there is no worker "demo"`},
		"no bus":             {DefaultConfig(), []string{"edge"}, false, "!name bus too, or give its address with --bus URL"},
		"two buses":          {elsewhere, []string{"bus"}, false, "!cannot run here and be at nats://pse:xxxxx@box:4222"},
		"demo without phone": {elsewhere, []string{"edge"}, true, "!name ingest too"},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := choose(workers(), c.names, c.cfg, c.demo)
			if want, bad := strings.CutPrefix(c.want, "!"); bad {
				if err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != 2 {
					t.Errorf("got %v, want ... %s ...", err, want)
				}
				return
			}
			if got := strings.Join(namesOf(chosen), " "); err != nil || got != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

// The table's order is the start order: what others need stands first.
func TestTableOfWorkers(t *testing.T) {
	var before []string
	for _, w := range workers() {
		for _, n := range w.needs {
			if !slices.Contains(before, n) {
				t.Errorf("%s needs %s, which does not stand before it", w.name, n)
			}
		}
		before = append(before, w.name)
	}
}
