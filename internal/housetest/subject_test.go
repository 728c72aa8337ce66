package housetest

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The tables under "The bus" of docs/architecture.md have every log, bucket and
// subject of package bus, and none that it has not.
func TestSubjectsAreDocumented(t *testing.T) {
	want := map[string]bool{}
	for name, value := range busTexts(t) {
		for _, kind := range []string{"log", "bucket", "subject"} {
			if rest, ok := strings.CutPrefix(name, kind); ok && rest != "" && strings.ToUpper(rest[:1]) == rest[:1] {
				want[value] = true
			}
		}
	}
	if len(want) < 20 {
		t.Fatalf("found only %d names in bus", len(want))
	}
	_, section, _ := strings.Cut(text(t, "docs/architecture.md"), "\n## The bus\n")
	section, _, _ = strings.Cut(section, "\n## ")
	got := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(section, -1) {
		name, _, _ := strings.Cut(m[1], "<")
		got[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !got[name] {
			t.Errorf("docs/architecture.md, The bus, has no row for %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if !want[name] {
			t.Errorf("docs/architecture.md, The bus, has a row for %s, which bus does not have", name)
		}
	}
	for name, value := range busTexts(t) {
		if strings.HasPrefix(name, "endpoint") && !strings.Contains(section, "."+value+"`") {
			t.Errorf("docs/architecture.md, The bus, does not name the endpoint %s", value)
		}
	}
}

// busTexts are the constants of package bus that are texts, and what the funcs
// begin with that make a subject (aliveSubject), by name, a small letter first.
func busTexts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, s := range sources(t) {
		if !within(s.pkg, "bus") || s.test || s.pkg == "bus/bustest" || s.pkg == "bus/natstest" {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				if d.Tok != token.CONST {
					continue
				}
				for _, spec := range d.Specs {
					v := spec.(*ast.ValueSpec)
					for i, id := range v.Names {
						if i < len(v.Values) {
							if lit, ok := v.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
								all[unexported(id.Name)] = literal(lit)
							}
						}
					}
				}
			case *ast.FuncDecl:
				if kind, ok := strings.CutSuffix(d.Name.Name, "Subject"); ok && d.Recv == nil {
					if r, ok := d.Body.List[0].(*ast.ReturnStmt); ok {
						first := r.Results[0]
						for {
							b, ok := first.(*ast.BinaryExpr)
							if !ok {
								break
							}
							first = b.X
						}
						if text := literal(first); text != "" {
							all["subject"+strings.ToUpper(kind[:1])+kind[1:]] = text
						}
					}
				}
			}
		}
	}
	return all
}

func unexported(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// Keys of the configuration that documents name are in deploy/pse.yaml, which a
// test of cmd/pse holds to what the program reads.
func TestNamedKeysExist(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "deploy/pse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := yaml.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	rules := ruleNames() // which look alike
	named := regexp.MustCompile("`((?:http|tls|admin|bus|ingest|transcode|edge|signal|turn|transfer|log)(?:\\.[a-z0-9_]+)+)[`:=]")
	for _, doc := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(prose(text(t, doc)), -1) {
			key := m[1]
			if rules[key] || key == "bus.password" || strings.HasSuffix(key, ".go") { // a file
				continue
			}
			at, there := any(all), true
			for part := range strings.SplitSeq(key, ".") {
				in, _ := at.(map[string]any)
				if at, there = in[part]; !there {
					t.Errorf("%s names %s, which is no key of deploy/pse.yaml", doc, key)
					break
				}
			}
		}
	}
}
