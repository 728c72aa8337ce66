package housetest

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A metric is one that the program registers, as its source says.
type metric struct {
	kind, help string
	labels     []string
}

// Metrics are in a table of docs/operators.md, and no document names one that there is not.
func TestMetricsAreDocumented(t *testing.T) {
	all := metrics(t)
	var b strings.Builder
	b.WriteString("| Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, m.kind, strings.Join(m.labels, ", "), cell(m.help))
	}
	generated(t, "docs/operators.md", "metrics", b.String())
	old := oldNames(t, all)
	named := regexp.MustCompile(`\bpse_[a-z_]+[a-z]\b`)
	for _, doc := range documents(t) {
		for _, name := range named.FindAllString(text(t, doc), -1) {
			if _, ok := all[name]; !ok && !slices.Contains(old, name) {
				t.Errorf("%s names the metric %s, which there is not", doc, name)
			}
		}
	}
}

// renamed has the metrics' names of the last version.
const renamed = "cmd/pse/renamed.go"

// oldNames are those that are still served: each is in docs/operators.md, beside a
// name that there is.
func oldNames(t *testing.T, all map[string]metric) (old []string) {
	t.Helper()
	var names []string
	for _, m := range regexp.MustCompile(`"(pse_\w+)"`).FindAllStringSubmatch(text(t, renamed), -1) {
		names = append(names, m[1])
	}
	operators := text(t, "docs/operators.md")
	for pair := range slices.Chunk(names, 2) {
		now, was := pair[0], pair[1]
		if _, ok := all[now]; !ok || all[was].kind != "" || !strings.Contains(operators, "| `"+was+"` | `"+now+"` |") {
			t.Errorf("%s: %s for %s: there is to be a metric of the new name, none of the old, and a row in docs/operators.md", renamed, was, now)
		}
		old = append(old, was)
	}
	return old
}

func metrics(t *testing.T) map[string]metric {
	t.Helper()
	all, literals := map[string]metric{}, map[string]string{}
	for _, s := range sources(t) {
		if s.test || s.path == renamed || strings.HasPrefix(s.path, "bench/") || strings.HasPrefix(s.path, "internal/camera") {
			continue
		}
		makers := map[string]metric{} // funcs that make one of a name and a text, by their variable
		prefix := map[string]string{}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				f, ok := n.Rhs[0].(*ast.FuncLit)
				id, ok2 := n.Lhs[0].(*ast.Ident)
				if !ok || !ok2 {
					return true
				}
				ast.Inspect(f, func(n ast.Node) bool {
					if c, ok := n.(*ast.CallExpr); ok {
						if m, name, fixed := registered(c); m.kind != "" && !fixed {
							makers[id.Name], prefix[id.Name] = m, name
						}
					}
					return true
				})
			case *ast.CallExpr:
				if m, name, fixed := registered(n); m.kind != "" && fixed {
					all[name] = m
				}
				if id, ok := n.Fun.(*ast.Ident); ok && makers[id.Name].kind != "" {
					m := makers[id.Name]
					m.help = literal(n.Args[1])
					all[prefix[id.Name]+literal(n.Args[0])] = m
				}
			case *ast.BasicLit:
				if v := literal(n); regexp.MustCompile(`^pse_[a-z]+_[a-z_]*[a-z]$`).MatchString(v) {
					literals[v] = s.path
				}
			}
			return true
		})
	}
	for name, where := range literals {
		if _, ok := all[name]; !ok {
			t.Errorf("%s has %q: if it is a metric this test does not see how it is made", where, name)
		}
	}
	if len(all) < 60 {
		t.Fatalf("found only %d metrics", len(all))
	}
	return all
}

// registered reads a call that makes a metric of Prometheus' library: its whole
// name, or what a maker puts before the name it is given.
func registered(c *ast.CallExpr) (m metric, name string, fixed bool) {
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if x, isPkg := selectorOf(sel, ok); !isPkg || x != "prometheus" || len(c.Args) == 0 {
		return m, "", false
	}
	if sel.Sel.Name == "NewDesc" {
		name = literal(c.Args[0])
		m = metric{"gauge", literal(c.Args[1]), labelsOf(c.Args[2])}
		if strings.HasSuffix(name, "_total") {
			m.kind = "counter"
		}
		return m, name, true
	}
	kind := strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(sel.Sel.Name, "New"), "Func"), "Vec"))
	opts, ok := c.Args[0].(*ast.CompositeLit)
	if !ok || !slices.Contains([]string{"counter", "gauge", "histogram"}, kind) {
		return m, "", false
	}
	m.kind = kind
	for _, e := range opts.Elts {
		kv := e.(*ast.KeyValueExpr)
		switch kv.Key.(*ast.Ident).Name {
		case "Name":
			switch v := kv.Value.(type) {
			case *ast.BasicLit:
				name, fixed = literal(v), true
			case *ast.BinaryExpr:
				name = literal(v.X)
			}
		case "Help":
			m.help = literal(kv.Value)
		case "ConstLabels":
			m.labels = append(m.labels, labelsOf(kv.Value)...)
		}
	}
	if len(c.Args) > 1 {
		m.labels = append(m.labels, labelsOf(c.Args[1])...)
	}
	return m, name, fixed
}

func selectorOf(sel *ast.SelectorExpr, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return x.Name, true
}

// labelsOf are the texts of a list of labels, or the keys of a table of them. A
// variable has those of bus.newMeter.
func labelsOf(e ast.Expr) (all []string) {
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		if id, ok := e.(*ast.Ident); ok && id.Name == "labels" {
			return []string{"worker"}
		}
		return nil
	}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Key
		}
		all = append(all, literal(e))
	}
	return all
}

// literal is the text of a string literal, also of several that are added; else empty.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, _ := strconv.Unquote(e.Value)
			return s
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}
