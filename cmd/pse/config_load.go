package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// An override is a value given on the command line.
type override struct {
	key, value, flag string
}

// A loaded configuration remembers where each value came from.
type loaded struct {
	Config
	origin  origins
	unknown []string // PSE_ variables that are no setting
	old     []string // settings that have another name now, and which
	source  source
}

// load puts the layers over each other: defaults, file, environment, flags.
// An empty path means no file.
func load(path string, env []string, flags []override) (*loaded, error) {
	l := &loaded{Config: DefaultConfig(), origin: origins{}}
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
		if err := l.file(path, text); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(l.env(env), l.flags(flags)); err != nil {
		return nil, err
	}
	if err := putCompatUnder(&l.Config, l.origin); err != nil {
		return nil, err
	}
	l.old = takeOldNames(&l.Config, l.origin)
	if err := l.Validate(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return l, nil
}

// file reads a YAML file over what is there.
func (l *loaded) file(path string, text []byte) error {
	doc, err := parser.ParseBytes(text, 0)
	if err != nil {
		return yamlError(path, nil, err)
	}
	all := settings(&l.Config)
	for _, d := range doc.Docs {
		if d.Body == nil {
			continue
		}
		if err := l.walk(path, "", d.Body, all); err != nil {
			return err
		}
	}
	return nil
}

// walk reads a mapping into the settings it names and notes their origin.
func (l *loaded) walk(path, prefix string, n ast.Node, all []setting) error {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil
	default:
		return fmt.Errorf("%s: expected keys under %q", at(path, n), strings.TrimSuffix(prefix, "."))
	}
	for _, p := range pairs {
		name := p.Key.GetToken().Value
		key := prefix + name
		var leaf *setting
		section := false
		for i, s := range all {
			if s.key == key {
				leaf = &all[i]
			}
			section = section || strings.HasPrefix(s.key, key+".")
		}
		switch {
		case leaf != nil:
			if err := yaml.NodeToValue(p.Value, leaf.value.Addr().Interface(), yaml.Strict()); err != nil {
				return yamlError(path, p.Value, err)
			}
			l.origin[key] = fmt.Sprintf("%s:%d", path, p.Key.GetToken().Position.Line)
		case section:
			if err := l.walk(path, key+".", p.Value, all); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: unknown key %q%s", at(path, p.Key), key, didYouMean(key, keysUnder(prefix, all)))
		}
	}
	return nil
}

// keysUnder lists what may stand in one section.
func keysUnder(prefix string, all []setting) []string {
	var keys []string
	for _, s := range all {
		rest, ok := strings.CutPrefix(s.key, prefix)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, ".")
		if key := prefix + name; len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
	}
	return keys
}

func at(path string, n ast.Node) string {
	p := n.GetToken().Position
	return fmt.Sprintf("%s:%d:%d", path, p.Line, p.Column)
}

// yamlError says where in the file, in the form editors understand; n is
// where if err does not know better.
func yamlError(path string, n ast.Node, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		p := y.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", path, p.Line, p.Column, y.GetMessage())
	}
	if n != nil {
		path = at(path, n)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// env reads PSE_ variables. An unknown one is no error: Kubernetes
// sets PSE_PORT and the like by itself for a service named pse.
func (l *loaded) env(env []string) error {
	byName := map[string]setting{}
	for _, s := range settings(&l.Config) {
		byName[s.env()] = s
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "PSE_") {
			continue
		}
		s, ok := byName[name]
		if !ok {
			l.unknown = append(l.unknown, name)
			continue
		}
		if err := s.set(value); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
		l.origin[s.key] = name
	}
	sort.Strings(l.unknown)
	return nil
}

func (l *loaded) flags(flags []override) error {
	all := settings(&l.Config)
	for _, f := range flags {
		if err := l.flag(f, all); err != nil {
			return err
		}
	}
	return nil
}

func (l *loaded) flag(f override, all []setting) error {
	keys := make([]string, len(all))
	for i, s := range all {
		keys[i] = s.key
		if s.key != f.key {
			continue
		}
		if err := s.set(f.value); err != nil {
			return fmt.Errorf("flag %s: %w", f.flag, err)
		}
		l.origin[f.key] = f.flag
		return nil
	}
	return fmt.Errorf("flag %s: unknown key %q%s", f.flag, f.key, didYouMean(f.key, keys))
}

// changed says which settings differ from the defaults.
func (l *loaded) changed() map[string]bool {
	def := DefaultConfig()
	defaults := settings(&def)
	diff := map[string]bool{}
	for i, s := range settings(&l.Config) {
		was := defaults[i].value
		if s.value.Kind() == reflect.Slice && s.value.Len() == 0 && was.Len() == 0 {
			continue // nil and [] mean the same
		}
		if !reflect.DeepEqual(s.value.Interface(), was.Interface()) {
			diff[s.key] = true
		}
	}
	return diff
}
