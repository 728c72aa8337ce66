package housetest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/helios-h2020/pse/bus/schema"
)

// Events and hooks, every field of them, are on docs/events.md as their schemas
// say, in the order of the AsyncAPI document; and no document names one that
// there is not.
func TestEventsAreDocumented(t *testing.T) {
	topics := methodTexts(t, "Topic")
	var b, h strings.Builder
	seen := map[string]bool{}
	for _, c := range channels(t) {
		if hook, ok := strings.CutPrefix(c.name, "hook."); ok {
			if c.address != "" {
				writeMessage(t, &h, "hooks.v1."+hook, c, c.name)
			}
			continue
		}
		seen[c.name] = true
		writeMessage(t, &b, c.name, c, c.name)
	}
	writeMessage(t, &h, "The answer", channel{}, "hook.verdict")
	generated(t, "docs/events.md", "events", b.String())
	generated(t, "docs/events.md", "hooks", h.String())
	if !maps.Equal(seen, topics) {
		t.Errorf("the AsyncAPI document has %v, package bus %v", slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(topics)))
	}
	rules := ruleNames() // which look alike
	named := regexp.MustCompile("`((?:stream|rendition|segment|call|relay|upload)\\.[a-z]+)`")
	for _, doc := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(text(t, doc), -1) {
			if !topics[m[1]] && !rules[m[1]] && !strings.HasSuffix(m[1], ".go") {
				t.Errorf("%s names the event %s, which there is not", doc, m[1])
			}
		}
	}
}

// methodTexts are the texts that methods of a name return in package bus.
func methodTexts(t *testing.T, method string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, s := range sources(t) {
		if !within(s.pkg, "bus") || s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != method {
				continue
			}
			if r, ok := f.Body.List[0].(*ast.ReturnStmt); ok && literal(r.Results[0]) != "" {
				all[literal(r.Results[0])] = true
			}
		}
	}
	if len(all) < 4 {
		t.Fatalf("found %d methods %s in bus", len(all), method)
	}
	return all
}

// A channel of the AsyncAPI document.
type channel struct{ name, address, description string }

func channels(t *testing.T) (all []channel) {
	t.Helper()
	data, err := fs.ReadFile(schema.FS, "asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Channels yaml.MapSlice }
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for _, item := range doc.Channels {
		var c channel
		c.name = item.Key.(string)
		for k, v := range asMap(item.Value) {
			switch k {
			case "address":
				c.address, _ = v.(string)
			case "description":
				c.description, _ = v.(string)
			}
		}
		all = append(all, c)
	}
	return all
}

func asMap(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case yaml.MapSlice:
		m := map[string]any{}
		for _, i := range v {
			m[fmt.Sprint(i.Key)] = i.Value
		}
		return m
	}
	return nil
}

// writeMessage writes what there is to know of a message by its schema.
func writeMessage(t *testing.T, b *strings.Builder, title string, c channel, name string) {
	t.Helper()
	data, err := fs.ReadFile(schema.FS, name+".json")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Description string
		Properties  map[string]struct {
			Type        any
			Description string
			Enum        []string
		}
		Required []string
	}
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(b, "### %s\n\n", title)
	if c.address != "" {
		fmt.Fprintf(b, "`%s`  \n", c.address)
	}
	fmt.Fprintf(b, "%s\n\n| Field | Type | Meaning |\n|---|---|---|\n", s.Description)
	fields := regexp.MustCompile(`(?m)^    "([a-z0-9_]+)": \{`).FindAllStringSubmatch(string(data), -1)
	if len(fields) != len(s.Properties) {
		t.Fatalf("%s.json is not indented by two", name)
	}
	for _, f := range fields {
		p := s.Properties[f[1]]
		typ := fmt.Sprint(p.Type)
		if list, ok := p.Type.([]any); ok {
			typ = fmt.Sprint(list[0]) + " or null"
		}
		if !slices.Contains(s.Required, f[1]) {
			typ += ", may be missing"
		}
		meaning := p.Description
		if len(p.Enum) > 0 {
			meaning = strings.TrimSuffix(meaning, ".") + ": " + strings.Join(p.Enum, ", ") + "."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f[1], typ, cell(meaning))
	}
	b.WriteString("\n")
}
