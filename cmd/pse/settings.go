package main

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// A setting is one value of the configuration: a leaf of Config.
type setting struct {
	key    string // as in the file, with dots: "http.listen"
	value  reflect.Value
	secret string // how it is secret, by its field's tag: see secret.go
}

// settings lists the leaves of a configuration struct in the order of its
// fields. It is the only schema there is: file, environment, --set and
// `pse config` all go by it.
func settings(cfg any) []setting {
	return leaves("", reflect.ValueOf(cfg).Elem())
}

func leaves(prefix string, v reflect.Value) []setting {
	var all []setting
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		key := prefix + name
		switch {
		case opts == "inline":
			all = append(all, leaves(prefix, v.Field(i))...)
		case f.Type.Kind() == reflect.Struct && !isScalar(f.Type):
			all = append(all, leaves(key+".", v.Field(i))...)
		default:
			all = append(all, setting{key, v.Field(i), f.Tag.Get("secret")})
		}
	}
	return all
}

// isScalar says that a struct type is written as one value.
func isScalar(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) ||
		p.Implements(reflect.TypeFor[yaml.InterfaceUnmarshaler]()) || p.Implements(reflect.TypeFor[yaml.BytesUnmarshaler]())
}

// env is the setting's environment variable.
func (s setting) env() string {
	return "PSE_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// set parses a value that did not come from a file. Strings are taken as they
// are, also those of a list with commas, all else as YAML: a list in brackets too.
func (s setting) set(text string) error {
	if s.value.Kind() == reflect.String {
		s.value.SetString(text)
		return nil
	}
	if s.isList() && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		s.value.Set(reflect.ValueOf(splitList(text)))
		return nil
	}
	fresh := reflect.New(s.value.Type())
	if err := yaml.UnmarshalWithOptions([]byte(text), fresh.Interface(), yaml.Strict()); err != nil {
		if s.secret != "" {
			text = notShown
		}
		return fmt.Errorf("%q is not %s", text, kindName(s.value.Type()))
	}
	s.value.Set(fresh.Elem())
	return nil
}

// isList says whether a setting is a list of strings, as all lists are.
func (s setting) isList() bool { return s.value.Type() == reflect.TypeFor[[]string]() }

// splitList is a list that is written with commas, each part as it is.
func splitList(text string) []string {
	all := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

func kindName(t reflect.Type) string {
	switch {
	case t.String() == "time.Duration":
		return "a time like 500ms, 30s or 2m"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Map:
		return "a map"
	case t.Kind() == reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

// suggest finds the name among all that the writer probably meant: one that differs
// in few letters, or the only one that begins so.
func suggest(name string, all []string) string {
	best, least := "", 3
	if len(name) < 5 {
		least = 2
	}
	for _, a := range all {
		if d := distance(name, a); d < least || d == least && best == "" {
			best, least = a, d
		}
	}
	if best == "" {
		longer := slices.DeleteFunc(slices.Clone(all), func(a string) bool { return !strings.HasPrefix(a, name) })
		if len(longer) == 1 {
			best = longer[0]
		}
	}
	return best
}

// didYouMean is the end of an error about an unknown name.
func didYouMean(name string, all []string) string {
	if s := suggest(name, all); s != "" {
		return fmt.Sprintf("; did you mean %q?", s)
	}
	return "; known are " + strings.Join(all, ", ")
}

// distance is how many letters must change to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// text is the setting's value in YAML, on one line.
func (s setting) text() (string, error) {
	b, err := yaml.MarshalWithOptions(s.value.Interface(), yaml.Flow(true))
	return strings.TrimSpace(string(b)), err
}

// notShown stands for what is secret.
const notShown = "(not shown)"
