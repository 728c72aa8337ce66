package main

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/helios-h2020/pse/bus/schema"
)

type eventsSchema struct{ Name string }

func newSchemaCommand(s *scope) *cobra.Command {
	c := &eventsSchema{}
	return s.leaf("schema", "Print the JSON Schema of an event or hook, or asyncapi.yaml; without a name, list them.", c,
		argument{name: "name", help: "As upload.completed, hook.publish, event (what all events have) or asyncapi.yaml.", one: &c.Name, optional: true})
}

// Run prints a schema, or which there are. It needs no running program.
func (c *eventsSchema) Run(s *scope) error {
	files, err := fs.ReadDir(schema.FS, ".")
	if err != nil {
		return err
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".json"))
	}
	if c.Name == "" {
		_, err := fmt.Fprintln(s.out, strings.Join(names, "\n"))
		return err
	}
	for i, f := range files {
		if c.Name == names[i] || c.Name == f.Name() {
			text, err := fs.ReadFile(schema.FS, f.Name())
			if err == nil {
				_, err = s.out.Write(text)
			}
			return err
		}
	}
	return usagef("there is no schema %q%s", c.Name, didYouMean(c.Name, names))
}
