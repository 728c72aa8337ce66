// Package round runs the candidates of a comparison in turns, so that a noisy
// machine is noisy for all of them, and prints the table.
package round

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Interleave calls f(round, candidate) for n rounds of k candidates; every
// other round goes backwards.
func Interleave(n, k int, f func(round, candidate int) error) error {
	for r := range n {
		for i := range k {
			c := i
			if r%2 == 1 {
				c = k - 1 - i
			}
			if err := f(r, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// Median of some measurements; NaN when there are none.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.SortedFunc(slices.Values(v), cmp.Compare[float64])
	if len(s)%2 == 0 {
		return (s[len(s)/2-1] + s[len(s)/2]) / 2
	}
	return s[len(s)/2]
}

// Table prints rows under a heading, its columns aligned.
func Table(w io.Writer, title string, head []string, rows [][]string) {
	fmt.Fprintf(w, "\n%s\n", title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, r := range append([][]string{head}, rows...) {
		fmt.Fprintln(t, strings.Join(r, "\t")+"\t")
	}
	t.Flush()
}
