package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

type doctorCommand struct{ JSON bool }

func newDoctorCommand(s *scope) *cobra.Command {
	c := &doctorCommand{}
	doctor := s.leaf("doctor", "Look for what keeps PSE from working here, and say what to do.", c)
	toggleVar(doctor, &c.JSON, "json", "Print what was found as JSON.")
	return doctor
}

var errUnwell = errors.New("something here keeps PSE from working; see above")

// A diagnosis is what the doctor found, as --json prints it.
type diagnosis struct {
	Version string    `json:"version"`
	Well    bool      `json:"well"` // nothing failed
	Checks  []finding `json:"checks"`
}

// Run looks at everything and then says whether all is well.
func (c *doctorCommand) Run(s *scope) error {
	d := diagnosis{Version: version(), Checks: examine(s)}
	d.Well = !slices.ContainsFunc(d.Checks, func(f finding) bool { return f.State == stateFail })
	write := d.write
	if c.JSON {
		write = func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(d)
		}
	}
	if err := write(s.out); err != nil {
		return err
	}
	if !d.Well {
		return errUnwell
	}
	return nil
}

// write is for people.
func (d diagnosis) write(w io.Writer) error {
	marks := map[string]string{stateOK: "ok  ", stateWarn: "warn", stateFail: "BAD "}
	for _, f := range d.Checks {
		text := f.Text
		if f.Next != "" {
			text += "; " + f.Next
		}
		if _, err := fmt.Fprintf(w, "%s %-16s %s\n", marks[f.State], f.Name, text); err != nil {
			return err
		}
	}
	return nil
}

// examine looks at everything. With a configuration that is wrong nothing else can be said.
func examine(s *scope) []finding {
	l, err := s.load()
	if err != nil {
		return []finding{failedBy("configuration", err, "correct it; deploy/pse.yaml lists all there is")}
	}
	all := []finding{lookAtConfiguration(l)}
	all = append(all, lookAtData(l.Data), lookAtDisk(l.Config))
	if l.Transfer.S3.Bucket == "" && l.Transfer.Dir != "" {
		all = append(all, lookAtFilesDisk(l.Config))
	}
	all = append(all, lookAtFiles(), lookForFFmpeg(s.ctx, l.Transcode.FFmpeg, l.Transcode.Encoder), lookAtCertificate(l.Config))
	up, found := lookForServers(s.ctx, l)
	all = append(all, found...)
	if up {
		all = append(all, well("ports", "in use by the pse serve of "+l.Data))
	} else {
		all = append(all, lookAtPorts(l.Config)...)
		all = append(all, lookAtRelayPorts(l.Config))
	}
	all = append(all, lookAtReservedPorts(l.Config))
	busFinding, times := lookAtBus(s.ctx, l)
	all = append(all, busFinding)
	reach, public := lookAtReach(s.ctx, l.Config)
	all = append(all, reach...)
	return append(all, lookAtClock(append(times, public...)))
}

func lookAtConfiguration(l *loaded) finding {
	if len(l.old) > 0 {
		return warned("configuration", l.source.String()+", and settings with names of earlier versions", strings.Join(l.old, "; "))
	}
	if len(l.unknown) > 0 {
		return warned("configuration", l.source.String()+", and unknown environment variables: "+strings.Join(l.unknown, ", "), "remove them, or correct their names")
	}
	return well("configuration", l.source.String())
}

// lookForServers asks each pse serve of the data directory; up says whether one runs.
func lookForServers(ctx context.Context, l *loaded) (up bool, all []finding) {
	const name = "server"
	running, left, err := whoRuns(l.Data)
	switch {
	case err != nil:
		return false, []finding{failedBy(name, err, "run pse doctor as the user who runs pse serve")}
	case len(running) == 0 && len(left) > 0:
		return false, []finding{warned(name, "none runs on "+l.Data+"; the last one was killed", "look into its log, and start it: pse serve, or systemctl start pse")}
	case len(running) == 0:
		return false, []finding{warned(name, "none runs on "+l.Data, "start it: pse serve, or systemctl start pse")}
	}
	for _, r := range running {
		all = append(all, r.look(ctx))
	}
	return true, all
}

// look asks a pse serve how its workers are.
func (r running) look(ctx context.Context) finding {
	const name = "server"
	who := fmt.Sprintf("process %d runs %s", r.PID, strings.Join(r.Workers, ", "))
	if r.Admin == "" {
		return warned(name, who+", and has no admin listener", "give admin.listen an address, so that it can be asked")
	}
	said, _, err := r.ready(ctx)
	if err != nil {
		return failedBy(name, fmt.Errorf("%s: %w", who, err), "look into its log; if it hangs, restart it")
	}
	var bad []string
	for worker, w := range said.Workers {
		if !w.Ready {
			bad = append(bad, worker+": "+oneLine(w.Why))
		}
	}
	slices.Sort(bad)
	switch {
	case said.Stopping:
		return warned(name, who+", and is stopping", "wait until it has, or start it anew")
	case len(bad) > 0:
		return failed(name, who+"; not ready are "+strings.Join(bad, "; "), "look into its log: journalctl -u pse")
	}
	for what, why := range said.Degraded {
		bad = append(bad, what+": "+oneLine(why))
	}
	if slices.Sort(bad); len(bad) > 0 {
		return warned(name, who+", all ready, but degraded: "+strings.Join(bad, "; "), "mend what is named; it is noticed without a restart")
	}
	return well(name, who+", all ready")
}
