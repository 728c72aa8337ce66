package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/helios-h2020/pse/bus"
)

type workersCommand struct{}

func newWorkersCommand(s *scope) *cobra.Command {
	return s.leaf("workers", "List the workers on the bus.", workersCommand{})
}

// Run asks all workers for their names.
func (workersCommand) Run(s *scope) error {
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		all, err := b.Discover(ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			_, err := fmt.Fprintln(s.out, "no worker is on this bus")
			return err
		}
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "WORKER\tVERSION\tHOST\tPID\tUP\tANSWERED IN\tID")
		for _, i := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", i.Name, i.Version, i.Host, i.PID,
				time.Since(i.Started).Truncate(time.Second), i.RTT.Round(10*time.Microsecond), i.ID)
		}
		return w.Flush()
	})
}
