package event

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/helios-h2020/pse/bus/schema"
)

var update = flag.Bool("update", false, "write the golden files anew")

// samples has one of each event, with every field set.
func samples() []Event {
	return []Event{
		StreamStarted{
			SID: "my=20stream", Name: "my stream", App: "live", Session: "S1", StartedAt: 1767225600000, VideoCodec: "h264",
			Width: 1280, Height: 720, FPS: 29.97, AudioCodec: "aac", KeyID: "phone", Client: "FMLE/3.0 (compatible; FMSc/1.0)",
		},
		StreamInterrupted{SID: "a", Name: "a", Session: "S1", Epoch: 2, At: 1767225600000},
		StreamResumed{SID: "a", Name: "a", Session: "S1", Epoch: 3, At: 1767225601000},
		StreamEnded{SID: "a", Name: "a", App: "live", Session: "S1", Epochs: 4, StartedAt: 1767225600000, EndedAt: 1767229200000, Reason: "the publisher stopped"},
		RenditionReady{
			SID: "a", Name: "a", Session: "S1", Epoch: 1, Rendition: "720p", Kind: "av", Label: "720p", Codecs: "avc1.4d401f,mp4a.40.2",
			Width: 1280, Height: 720, FPS: 30,
		},
		SegmentReady{
			SID: "a", Name: "a", Session: "S1", Rendition: "720p", MSN: 17, Start: 34000, Duration: 2000, PDT: 1767225634000,
			Bytes: 512345, Parts: 10, Discontinuity: true,
		},
		CallStarted{Room: "kitchen", Call: "C1", StartedAt: 1767225600000},
		CallJoined{Room: "kitchen", Call: "C1", Member: "/kitchen#w.5uL2", Name: "Ann", JoinedAt: 1767225600000},
		CallLeft{Room: "kitchen", Call: "C1", Member: "5uL2", Name: "Ann", JoinedAt: 1767225600000, LeftAt: 1767225660000, Reason: "left"},
		CallEnded{Room: "kitchen", Call: "C1", StartedAt: 1767225600000, EndedAt: 1767225660000},
		RelayOpened{Relay: "R1", User: "ann", Transport: "udp", Protocol: "udp", Family: 4, OpenedAt: 1767225600000},
		RelayClosed{
			Relay: "R1", User: "ann", Transport: "udp", Protocol: "udp", Family: 4, OpenedAt: 1767225600000, ClosedAt: 1767225660000,
			BytesToPeers: 1000, PacketsToPeers: 10, BytesToClient: 2000, PacketsToClient: 20, Reason: "the relay's worker was lost",
		},
		UploadCreated{Upload: "u1", Owner: "phone", Name: "holiday.mp4", Size: 1 << 30, CreatedAt: 1767225600000},
		UploadProgress{Upload: "u1", Owner: "phone", Name: "holiday.mp4", Offset: 1 << 20, Size: 1 << 30},
		UploadCompleted{
			Upload: "u1", Owner: "phone", Name: "holiday.mp4", Size: 1 << 30, Type: "video/mp4",
			SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", CreatedAt: 1767225600000, CompletedAt: 1767225660000,
		},
		UploadRemoved{Upload: "u1", Owner: "phone", Name: "holiday.mp4", Size: 1 << 30, Completed: true, RemovedAt: 1767225660000, Reason: "deleted"},
		UploadCorrupt{Upload: "u1", Owner: "phone", Name: "holiday.mp4", Offset: 65536, Lost: 1000, FoundAt: 1767225660000, Reason: "the last blocks are not what was sent"},
	}
}

func compileSchemas(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := fs.Glob(schema.FS, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := fs.ReadFile(schema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(file, err)
		}
		if err := c.AddResource("urn:pse:v1:"+strings.TrimSuffix(file, ".json"), doc); err != nil {
			t.Fatal(file, err)
		}
	}
	return c
}

func validate(t *testing.T, c *jsonschema.Compiler, id string, data []byte) {
	t.Helper()
	s, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s: %v", id, err)
	}
}

// Every event is on the wire as its golden file says, and as its schema says.
func TestEventsOnTheWire(t *testing.T) {
	c := compileSchemas(t)
	for _, ev := range samples() {
		env, err := Seal(ev, "test", time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(env, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		path := filepath.Join("testdata", "events", ev.Topic()+".json")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s (%v; go test -update writes it anew):\n%s", path, err, got)
		}
		validate(t, c, "urn:pse:v1:event", want)
		validate(t, c, env.DataSchema, env.Data)
		zero := reflect.Zero(reflect.TypeOf(ev)).Interface()
		minimal, err := json.Marshal(zero)
		if err != nil {
			t.Fatal(err)
		}
		if ev.Topic() != "rendition.ready" { // whose kind is one of three
			validate(t, c, env.DataSchema, minimal)
		}
		matchFields(t, ev.Topic(), ev)
	}
	matchFields(t, "hook.publish", PublishHook{})
	matchFields(t, "hook.join", JoinHook{})
	matchFields(t, "hook.upload", UploadHook{})
	matchFields(t, "hook.complete", CompleteHook{})
	matchFields(t, "hook.verdict", Verdict{})
	matchFields(t, "event", Envelope{})
}

// matchFields holds a schema and its Go type to the same fields, required and not.
func matchFields(t *testing.T, name string, v any) {
	t.Helper()
	data, err := fs.ReadFile(schema.FS, name+".json")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		ID         string                     `json:"$id"`
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	if s.ID != "urn:pse:v1:"+name {
		t.Errorf("%s.json is %s", name, s.ID)
	}
	typ := reflect.TypeOf(v)
	for i := range typ.NumField() {
		if !typ.Field(i).IsExported() {
			continue
		}
		field, opts, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if _, ok := s.Properties[field]; !ok {
			t.Errorf("%s.json lacks %q", name, field)
		}
		if required := opts != "omitempty"; required != slices.Contains(s.Required, field) {
			t.Errorf("%s.json: %q required: %v", name, field, !required)
		}
		delete(s.Properties, field)
	}
	for field := range s.Properties {
		t.Errorf("%s.json has %q, the Go type not", name, field)
	}
}

// The AsyncAPI document has every event and hook, and nothing that is not.
func TestAsyncAPI(t *testing.T) {
	data, err := fs.ReadFile(schema.FS, "asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type ref struct {
		Ref string `yaml:"$ref"`
	}
	var doc struct {
		AsyncAPI string `yaml:"asyncapi"`
		Channels map[string]struct {
			Address    string
			Parameters map[string]ref
			Messages   map[string]any
		}
		Operations map[string]struct {
			Action  string
			Channel ref
		}
		Components struct {
			Messages map[string]struct {
				Payload struct {
					AllOf []struct {
						Ref        string `yaml:"$ref"`
						Properties struct {
							Type struct{ Const string }
							Data ref
						}
					} `yaml:"allOf"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.AsyncAPI != "3.0.0" {
		t.Errorf("version %s", doc.AsyncAPI)
	}
	for _, ev := range samples() {
		topic := ev.Topic()
		resource := ".{sid}"
		if strings.HasPrefix(topic, "call.") {
			resource = ".{room}"
		} else if strings.HasPrefix(topic, "relay.") {
			resource = ".{relay}"
		} else if strings.HasPrefix(topic, "upload.") {
			resource = ".{upload}"
		}
		root := SubjectEvents
		if topic == (UploadProgress{}).Topic() {
			root = SubjectHints
		}
		if a := doc.Channels[topic].Address; a != root+topic+resource {
			t.Errorf("%s is on %q", topic, a)
		}
		if op := doc.Operations[topic]; op.Action != "send" || op.Channel.Ref != "#/channels/"+topic {
			t.Errorf("%s: operation %+v", topic, op)
		}
		p := doc.Components.Messages[topic].Payload.AllOf
		if len(p) != 2 || p[0].Ref != "event.json" || p[1].Properties.Type.Const != topic || p[1].Properties.Data.Ref != topic+".json" {
			t.Errorf("%s: payload %+v", topic, p)
		}
		delete(doc.Channels, topic)
		delete(doc.Components.Messages, topic)
	}
	for _, h := range []Hook{PublishHook{}, JoinHook{}, UploadHook{}, CompleteHook{}} {
		if a := doc.Channels["hook."+h.Hook()].Address; a != SubjectHooks+h.Hook() {
			t.Errorf("the hook %s is on %q", h.Hook(), a)
		}
		delete(doc.Channels, "hook."+h.Hook())
	}
	if len(doc.Channels) != 1 || len(doc.Components.Messages) != 0 { // the hooks' verdict
		t.Errorf("more than there is: %v, %v", doc.Channels, doc.Components.Messages)
	}
}
