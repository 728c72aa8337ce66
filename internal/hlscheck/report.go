package hlscheck

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Finding is one way in which the stream breaks a rule.
type Finding struct {
	Rule  string // its ID
	Where string // "720p 1041.3", "master", a URL
	What  string
	Spec  string
	Times int // seen that often, word for word
}

// String implements fmt.Stringer.
func (f Finding) String() string {
	times := ""
	if f.Times > 1 {
		times = fmt.Sprintf(" (%d times)", f.Times)
	}
	return fmt.Sprintf("%s: %s: %s%s [%s]", f.Rule, f.Where, f.What, times, f.Spec)
}

// Result is what became of one rule.
type Result struct {
	Rule      Rule
	Exercised int // how often there was something to look at
	Failed    int // how often that was wrong
}

// Report is what Check saw.
type Report struct {
	Master   string
	Took     time.Duration
	Findings []Finding // in the order of their first appearance; at most maxFindings a rule
	Results  []Result  // one a rule, in the order of Rules
	Watched  []Watched // one a rendition, in the order of the master playlist
}

// OK says that nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Untested lists the rules that never had anything to look at.
func (r *Report) Untested() []string {
	var ids []string
	for _, x := range r.Results {
		if x.Exercised == 0 {
			ids = append(ids, x.Rule.ID)
		}
	}
	return ids
}

// Print writes the report for people: findings, renditions, and with all also
// every rule and how often it was exercised.
func (r *Report) Print(w io.Writer, all bool) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	for _, x := range r.Watched {
		fmt.Fprintf(&b, "%-8s %5d lists, %5d parts, %4d segments (%d.%d to %d.%d), longest wait for a part %v of %v, %.0f kbit/s peak, %.0f average, %.2f frames/s, %d discontinuities\n",
			x.Rendition, x.Lists, x.Parts, x.Segments, x.First.MSN, x.First.Part, x.Last.MSN, x.Last.Part, x.PartGap.Round(time.Millisecond), x.PartTarget,
			x.Peak/1000, x.Average/1000, x.FrameRate, x.Discontinuities)
	}
	line := ""
	for _, x := range r.Results {
		if !all {
			break
		}
		if x.Rule.Line != line {
			line = x.Rule.Line
			fmt.Fprintf(&b, "%s\n", line)
		}
		mark := "ok"
		switch {
		case x.Failed > 0:
			mark = "BROKEN"
		case x.Exercised == 0:
			mark = "not tested"
		}
		fmt.Fprintf(&b, "  %-10s %6d/%-6d %-28s %s [%s]\n", mark, x.Exercised-x.Failed, x.Exercised, x.Rule.ID, x.Rule.Text, x.Rule.Spec)
	}
	if u := r.Untested(); len(u) > 0 {
		fmt.Fprintf(&b, "never exercised: %s\n", strings.Join(u, ", "))
	}
	fmt.Fprintf(&b, "%d findings, %d of %d rules exercised in %v\n", len(r.Findings), len(r.Results)-len(r.Untested()), len(r.Results), r.Took.Round(time.Millisecond))
	_, err := io.WriteString(w, b.String())
	return err
}

// maxFindings is how many different findings a rule may have in a report; more are only counted.
const maxFindings = 20

// results gathers verdicts from all renditions.
type results struct {
	mu       sync.Mutex
	rules    []Result
	kept     []int // findings a rule has
	findings []Finding
	index    map[Finding]int // place in findings, by the finding with Times 0
}

func newResults(rules []Rule) *results {
	r := &results{index: map[Finding]int{}, kept: make([]int, len(rules))}
	for _, x := range rules {
		r.rules = append(r.rules, Result{Rule: x})
	}
	return r
}

func (r *results) add(rule int, ok bool, where, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := &r.rules[rule]
	x.Exercised++
	if ok {
		return
	}
	x.Failed++
	f := Finding{Rule: x.Rule.ID, Where: where, What: fmt.Sprintf(format, args...), Spec: x.Rule.Spec}
	if i, known := r.index[f]; known {
		r.findings[i].Times++
		return
	}
	if r.kept[rule]++; r.kept[rule] > maxFindings {
		return
	}
	r.index[f] = len(r.findings)
	f.Times = 1
	r.findings = append(r.findings, f)
}
