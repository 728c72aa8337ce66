package main

import (
	"fmt"
	"os"

	"github.com/helios-h2020/pse/bench/round"
)

// allocations are made in one run, one after the other.
const allocations = 2000

// setup compares what allocations cost: CPU time for two authenticated
// requests (Allocate, ChannelBind), and memory of those that are there.
func (b *bench) setup(servers []string) error {
	per, memory := make([][]float64, len(servers)), make([][]float64, len(servers))
	err := round.Interleave(b.rounds, len(servers), func(_, i int) error {
		p, server, err := b.start(servers[i])
		if err != nil {
			return err
		}
		defer p.Stop()
		for range 50 { // what a server makes once is not an allocation's
			s, err := allocate(server)
			if err != nil {
				return err
			}
			if err := s.free(); err != nil {
				return err
			}
		}
		cpu, rss := p.CPU(), p.RSS()
		var all []*session
		defer func() {
			for _, s := range all {
				s.close()
			}
		}()
		for range allocations {
			s, err := allocate(server)
			if err != nil {
				return fmt.Errorf("%s: allocation %d: %w", servers[i], len(all), err)
			}
			all = append(all, s)
			if err := s.bind(at(s.fd)); err != nil {
				return fmt.Errorf("%s: %w", servers[i], err)
			}
		}
		per[i] = append(per[i], allocations/(p.CPU()-cpu).Seconds())
		memory[i] = append(memory[i], float64(p.RSS()-rss)/allocations/1000)
		return nil
	})
	if err != nil {
		return err
	}
	var rows [][]string
	for i, s := range servers {
		v := round.Median(per[i])
		rows = append(rows, []string{s, fmt.Sprintf("%.0f", v), fmt.Sprintf("%.2f", v/round.Median(per[0])), fmt.Sprintf("%.1f", round.Median(memory[i]))})
	}
	round.Table(os.Stdout, "allocations, each with a channel", []string{"server", "a CPU-second", "of " + servers[0] + "'s", "kB each"}, rows)
	return nil
}
