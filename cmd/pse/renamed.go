package main

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// oldNames gathers what a Gatherer has, and once more under the old name each metric
// that was renamed since the last version: dashboards have one version's time to
// follow. docs/operators.md lists them.
type oldNames struct{ prometheus.Gatherer }

// oldName is what a metric was called in the last version, or empty.
func oldName(name string) string {
	switch name {
	case "pse_edge_errors_total":
		return "pse_edge_problems_total"
	case "pse_http_rejected_connections_total":
		return "pse_http_turned_away_total"
	case "pse_ingest_rejected_connections_total":
		return "pse_ingest_turned_away_total"
	case "pse_signal_replay_bytes":
		return "pse_signal_memory_bytes"
	case "pse_signal_wrong_passphrases_total":
		return "pse_signal_guesses_total"
	case "pse_turn_allocated_total":
		return "pse_turn_opened_total"
	case "pse_turn_unpublished_total":
		return "pse_turn_untold_total"
	}
	return ""
}

// Gather implements prometheus.Gatherer.
func (g oldNames) Gather() ([]*dto.MetricFamily, error) {
	all, err := g.Gatherer.Gather() // both, if some collectors failed
	for _, f := range all {
		if old := oldName(f.GetName()); old != "" {
			help := "Old name of " + f.GetName() + ", for one version."
			all = append(all, &dto.MetricFamily{Name: &old, Help: &help, Type: f.Type, Metric: f.Metric})
		}
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all, err
}
