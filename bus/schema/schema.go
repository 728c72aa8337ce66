// Package schema holds the JSON Schemas of the events and hooks, and the
// AsyncAPI document that ties them to their subjects.
package schema

import "embed"

// FS has one JSON Schema per event (TOPIC.json), event.json of the envelope,
// hook.NAME.json, hook.verdict.json and asyncapi.yaml.
//
//go:embed *.json asyncapi.yaml
var FS embed.FS
