package housetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/internal/hlscheck"
)

// Every rule of hlscheck is in docs/hls.md, with the sentence it holds and where that stands.
func TestHLSRulesAreDocumented(t *testing.T) {
	var b strings.Builder
	line := ""
	for _, r := range hlscheck.Rules() {
		if r.Line != line {
			line = r.Line
			fmt.Fprintf(&b, "### %s\n\n| Rule | What a server must do | Section |\n|---|---|---|\n", line)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.ID, cell(r.Text), r.Spec)
	}
	generated(t, "docs/hls.md", "rules", strings.ReplaceAll(b.String(), "|\n###", "|\n\n###"))
}

// ruleNames are the ids of the rules of HLS.
func ruleNames() map[string]bool {
	all := map[string]bool{}
	for _, r := range hlscheck.Rules() {
		all[r.ID] = true
	}
	return all
}
