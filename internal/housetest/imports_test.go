package housetest

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A rule says which of our packages one may import, and why not others.
type rule struct {
	pkg     string // it and all below it
	may     []string
	because string
}

func rules() []rule {
	all := []rule{
		{"bus", []string{"bus", "client", "internal/sleep", "internal/process"}, "the bus is what everything stands on: it knows no worker and no page"},
		{"bus/event", []string{"bus/schema"}, "events and hooks are what programs of others are told and asked: they get them without anything of PSE's"},
		{"client", []string{"bus", "internal/sleep"}, "integrators get it without the workers' side of the bus (TestClientIsSmall), on which its tests stand"},
		{"bus/server", []string{"internal/sleep"}, "the embedded server carries whatever those above agree on, and knows no event and no log of theirs but what its accounts name"},
		{"bus/conn", []string{"bus/natstest", "internal/sleep"}, "how NATS does it knows no event and no record of ours: names and lists of logs are handed in, and which server it is, is its address"},
		{"web", []string{"web", "internal/accept"}, "whatever of the program has HTTP mounts the pages, and they know no worker"},
		{"signal/engineio", []string{"internal/epoll", "internal/limit", "internal/progress"}, "a transport knows neither rooms nor the bus: what carries its requests to other workers is an interface"},
		{"transcode/cmaf", []string{"internal/av1", "internal/avc", "internal/bits", "internal/hevc"}, "it is bytes in, bytes out: a part is the same whoever makes it, for which stream"},
		{"transcode/ffmpeg", []string{"transcode/cmaf", "bus", "internal/child"}, "a child is given pictures and gives pictures: it knows no stream; of bus it has the FLV tag, in flv.go alone"},
		{"signal/dialect", nil, "what clients write is JSON, whichever room it is in"},
		{"signal/replay", []string{"bus", "signal/dialect", "signal/socketio"}, "what follows from the log is the same at every worker: it changes no record and publishes nothing"},
		{"signal/socketio", []string{"signal/engineio"}, "a protocol knows neither rooms nor the bus: what recovers its clients is an interface"},
		{"store", []string{"internal/disk", "internal/child", "internal/process", "internal/sleep"}, "files are kept below whoever sends, records or shows them: the store knows neither bus nor worker"},
		{"store/bucket/s3", []string{"store/bucket/credentials", "store/bucket/sigv4", "internal/sleep"}, "a protocol knows neither the store nor its files"},
		{"store/bucket/credentials", []string{"store/bucket/sigv4", "internal/child", "internal/sleep"}, "who asks is found without a server that is asked"},
		{"store/bucket/sigv4", nil, "a signature follows from the request, the keys and the time"},
		{"ingest/opus", []string{"internal/child"}, "packets in, frames out: it knows no session and no protocol"},
		{"ingest/amf", nil, "RTMP and FLV share the format, which knows neither"},
		{"ingest/rtmp", []string{"ingest/amf", "internal/limit"}, "a protocol hands up tags, and knows neither the bus nor keys nor sessions: what takes them is an interface"},
		{"ingest/rtmp/chunk", []string{"ingest/rtmp/rtmptest"}, "bytes to messages; what they mean is the protocol's matter"},
		{"turn/auth", []string{"bus"}, "who may use a relay is decided by keys and a clock, without a relay"},
		{"turn/coturn", []string{"turn/auth"}, "another program's file is read into settings; the relay need not know where its settings come from"},
		{"turn/probe", []string{"turn/relay"}, "it looks at any STUN and TURN server from a client's side, ours or not"},
		{"turn/relay", []string{"internal/epoll"}, "packets are carried without the bus, the configuration or the policy of the worker"},
		{"transfer/quota", nil, "what files may take is counted without a store, a bus or a protocol"},
		{"transfer/filehook", []string{"store"}, "what runs an installation's executables knows no request and no worker: a veto is an error"},
		{"edge/hls", []string{"bus"}, "playlists follow from parts alone: of the bus it knows what a part is"},
		{"edge/stream", []string{"bus", "edge/hls", "edge/reply", "internal/sleep"}, "a stream is followed the same whoever asks for it"},
		{"edge/http1", []string{"edge/reply", "internal/accept"}, "a transport knows neither streams nor the bus: what answers its requests is a function"},
		{"edge/reply", nil, "an answer knows neither who made it nor who writes it"},
		{"internal/avc", []string{"internal/bits"}, "what a configuration says is the same wherever it comes from"},
		{"internal/hevc", []string{"internal/avc", "internal/bits"}, "what a configuration says is the same wherever it comes from; of H.264 it has how NAL units lie one after the other"},
		{"internal/av1", []string{"internal/bits"}, "what a configuration says is the same wherever it comes from"},
		{"internal/access", []string{"bus"}, "keys are records on the bus; who asks for them is not their matter"},
	}
	for _, w := range workers() {
		may := []string{w, "bus", "internal"}
		if w == "transfer" {
			may = append(may, "store")
		}
		all = append(all, rule{w, may, "workers run in different processes: what two of them must agree on is a type in bus"})
	}
	return all
}

func TestWhoMayImportWhom(t *testing.T) {
	for _, s := range sources(t) {
		for _, r := range rules() {
			if !within(s.pkg, r.pkg) {
				continue
			}
			for i := range s.imports {
				ours, ok := strings.CutPrefix(i, module+"/")
				if !ok || s.test && (strings.HasPrefix(ours, "internal/") || strings.HasSuffix(ours, "test") || ours == "client") { // a test may have an integrator
					continue
				}
				if within(ours, r.pkg) || slices.ContainsFunc(r.may, func(m string) bool { return within(ours, m) }) {
					continue
				}
				t.Errorf("%s imports %s: %s", s.path, ours, r.because)
			}
		}
	}
}

// What stands below a package is its alone: all others go through it.
func TestGroundFloorsAreImportedFromAbove(t *testing.T) {
	for _, r := range []struct {
		pkg     string
		only    []string // they and all below them
		because string
	}{
		{"bus/conn", []string{"bus"}, "workers agree on what is in package bus; one that speaks to NATS past it agrees with nobody"},
		{"bus/server", []string{"bus"}, "who runs the embedded server gets it from bus, with what workers want of it"},
		{"internal/avc", []string{"ingest", "transcode", "internal/hevc"}, "one reader of H.264 configurations is for all who take them in; the checker of HLS has another, so that a misreading is not repeated by its test"},
		{"internal/hevc", []string{"ingest", "transcode"}, "the same of HEVC"},
		{"internal/av1", []string{"ingest", "transcode"}, "the same of AV1"},
		{"store/bucket/s3", []string{"store/bucket", "store/storetest"}, "what is in a bucket is asked of its backend"},
	} {
		for _, s := range sources(t) {
			if s.imports[module+"/"+r.pkg] && !slices.ContainsFunc(r.only, func(o string) bool { return within(s.pkg, o) }) {
				t.Errorf("%s imports %s: %s", s.path, r.pkg, r.because)
			}
		}
	}
}

// The store is below what keeps files in it, and knows no protocol; only the
// client of buckets speaks one.
func TestStoreIsBelowTransfer(t *testing.T) {
	for _, s := range sources(t) {
		inside := within(s.pkg, "store")
		for i := range s.imports {
			ours := strings.TrimPrefix(i, module+"/")
			switch {
			case i == "net/http" && inside && !s.test && s.path != "store/bucket/client.go" && !within(s.pkg, "store/bucket/s3") && !within(s.pkg, "store/bucket/sigv4") && !within(s.pkg, "store/bucket/credentials") && !within(s.pkg, "store/storetest"):
				t.Errorf("%s imports %s: what a protocol answers to an error of the store is said by whoever speaks it", s.path, i)
			case within(ours, "store") && !inside && !within(s.pkg, "transfer"):
				t.Errorf("%s imports %s: files are asked for from the worker that has them", s.path, ours)
			case (within(ours, "store/folder") || within(ours, "store/bucket")) && inside && !s.test && !within(s.pkg, "store/bucket") && !within(s.pkg, "store/storetest"):
				t.Errorf("%s imports %s: a store does not know what it is in, nor one backend the other", s.path, ours)
			}
		}
	}
}

// What is below a protocol does not speak it.
func TestWhoKnowsNoHTTP(t *testing.T) {
	for pkg, because := range map[string]string{
		"edge/hls":    "playlists are text, whoever carries them",
		"edge/stream": "what may be wrong is an error of its own, of which the edge makes a status",
		"edge/reply":  "both transports write it, net/http and the one past it",
	} {
		for _, s := range sources(t) {
			if within(s.pkg, pkg) && !s.test && s.imports["net/http"] {
				t.Errorf("%s imports net/http: %s", s.path, because)
			}
		}
	}
}

// What becomes of an upload is the same whoever asks for it: of transfer's files those
// that answer requests speak HTTP, one knows statuses, and one what types look like.
func TestUploadsKnowNoHTTP(t *testing.T) {
	speak := strings.Fields("worker.go middleware.go api.go tus.go download.go follow.go request.go draft.go deadline.go reply.go errors.go mediatype.go")
	for _, s := range sources(t) {
		if s.pkg == "transfer" && !s.test && s.imports["net/http"] && !slices.Contains(speak, strings.TrimPrefix(s.path, "transfer/")) {
			t.Errorf("%s imports net/http: what it does is asked for by files above it, which do", s.path)
		}
	}
}

// A library of a protocol or a format stays behind one file (or few), so that
// it can be changed in an hour.
func TestLibrariesStayBehindTheirFile(t *testing.T) {
	homes := map[string][]string{
		"github.com/yutopp/go-rtmp":          {"ingest/rtmp/server.go", "bench/"},
		"github.com/Eyevinn/mp4ff":           {"internal/hlscheck/", "ingest/rtmp/rtmptest/"},
		"github.com/spf13/cobra":             {"cmd/pse/cli*.go"},
		"github.com/spf13/pflag":             {"cmd/pse/cli_flag.go"},
		"text/template":                      {}, // TestNothingIsCalledByItsName
		"html/template":                      {},
		"github.com/goccy/go-yaml":           {"cmd/pse/settings.go", "cmd/pse/config_load.go", "cmd/pse/cli_config.go"},
		"github.com/mdp/qrterminal":          {"cmd/pse/banner.go"},
		"github.com/caddyserver/certmagic":   {"internal/certificate/acme.go", "internal/certificate/acme_state.go", "internal/certificate/acme_dns.go"},
		"github.com/mholt/acmez":             {"internal/certificate/acme.go", "internal/certificate/acme_words.go"},
		"github.com/libdns":                  {"internal/certificate/acme_dns.go"},
		"github.com/micromdm/plist":          {"internal/certificate/profile.go"},
		"github.com/miekg/dns":               {"internal/certificate/pebbletest/"},
		"github.com/nats-io/nats-server/v2":  {"bus/server/", "bus/natstest/"},
		"github.com/nats-io/nats.go":         {"bus/", "client/"},
		"github.com/chromedp":                {"internal/browser/"},
		"github.com/gobwas/ws":               {"signal/engineio/websocket.go"},
		"github.com/gorilla/websocket":       {"signal/engineio/engineiotest/", "signal/signaltest/"},
		"github.com/bluenviron":              {"internal/hlscheck/"},
		"github.com/santhosh-tekuri":         {"bus/"},
		"golang.org/x/term":                  {"cmd/pse/log.go"},
		"github.com/tus/tusd/v2":             {"transfer/tus.go", "bench/"},
		"golang.org/x/exp":                   {"transfer/tus.go", "bench/"},
		"google.golang.org/protobuf":         {},
		"github.com/sirupsen/logrus":         {"ingest/rtmp/server.go"},
		"github.com/prometheus/client_model": {"cmd/pse/renamed.go"},
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for lib, allowed := range homes {
			for i := range s.imports {
				if i != lib && !strings.HasPrefix(i, lib+"/") {
					continue
				}
				if !slices.ContainsFunc(allowed, func(a string) bool {
					same, _ := path.Match(a, s.path)
					return same || strings.HasSuffix(a, "/") && strings.HasPrefix(s.path, a)
				}) {
					t.Errorf("%s imports %s, which belongs to %v", s.path, i, allowed)
				}
			}
		}
	}
}

// What must not be in the program, though the repository uses it.
func TestProgramHasNoTestCode(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"/cmd/pse").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/bus") {
		t.Fatal("go list shows no bus in the program: the test tests nothing")
	}
	forbidden := map[string]string{
		"testing":                             "a test's support was imported by the program",
		"github.com/chromedp/chromedp":        "it drives browsers in tests",
		"github.com/johannesboyne/gofakes3":   "a server for tests",
		"github.com/bluenviron/gohlslib":      "a second opinion for tests only",
		module + "/bus/bustest":               "a bus for tests",
		module + "/bus/natstest":              "a NATS server for tests",
		module + "/store/storetest":           "an S3 server for tests",
		"github.com/letsencrypt/pebble/v2/ca": "a server for tests",
	}
	forbidden[module+"/internal/camera/cameratest"] = "it reads in tests what the camera sent"
	for dep, because := range forbidden {
		if slices.Contains(deps, dep) {
			t.Errorf("cmd/pse has %s in it: %s", dep, because)
		}
	}
}

// Who writes a program beside PSE has PSE's types in it, and neither its server nor
// what else it is made of.
func TestClientIsSmall(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", module+"/client").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"github.com/klauspost/compress", "github.com/nats-io/nats.go", "github.com/nats-io/nkeys", "github.com/nats-io/nuid", module,
		"golang.org/x/crypto", "golang.org/x/sys",
	}
	got := slices.Compact(slices.Sorted(slices.Values(strings.Fields(string(out)))))
	if !slices.Contains(got, module) || slices.ContainsFunc(got, func(m string) bool { return !slices.Contains(want, m) }) {
		t.Errorf("client has modules %v in it; it is to have no more than %v", got, want)
	}
}

// With one reachable call of a method by a name made at run time the linker leaves out no
// exported method of any type: 4 MB. Templates do that (cobra's too, which are not in the
// program unless they are set), and so do some parsers of command lines. See decision 17.
func TestNothingIsCalledByItsName(t *testing.T) {
	cmd := exec.Command("go", "build", "-o", filepath.Join(t.TempDir(), "pse"), "-ldflags=-dumpdep", module+"/cmd/pse")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out[max(0, len(out)-2000):])
	}
	if !strings.Contains(string(out), "main.main -> ") {
		t.Fatal("the linker says nothing of what calls what: the test tests nothing")
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "<ReflectMethod>") {
			t.Errorf("what is called here may be any method: %s", line)
		}
	}
}

// In go.mod what the program is made of and what only tests and benchmarks use stand
// apart: a new version of one is weighed by which it is.
func TestModulesOfTestsStandApart(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", module+"/cmd/pse").Output()
	if err != nil {
		t.Fatal(err)
	}
	program := strings.Fields(string(out))
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`(?ms)^require \((.*?)^\)`).FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 3 {
		t.Fatalf("go.mod has %d blocks of modules; it is to have the program's, the tests', and the indirect ones", len(blocks))
	}
	for i, of := range []string{"the program", "tests"} {
		for line := range strings.Lines(blocks[i][1]) {
			if f := strings.Fields(line); len(f) > 0 && slices.Contains(program, f[0]) != (i == 0) {
				t.Errorf("go.mod: %s stands among the modules of %s", f[0], of)
			}
		}
	}
}

func within(pkg, tree string) bool { return pkg == tree || strings.HasPrefix(pkg, tree+"/") }
