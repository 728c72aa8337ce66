package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func deployFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A composeService is what we use of the Compose format; other keys are errors.
type composeService struct {
	Build struct {
		Context    string
		Dockerfile string
	}
	Image       string
	Init        bool
	Restart     string
	Grace       string `yaml:"stop_grace_period"`
	Environment map[string]string
	Command     []string
	Ports       []string
	Volumes     []string
	ReadOnly    bool `yaml:"read_only"`
	Tmpfs       []string
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	Deploy      struct{ Replicas int }
}

func compose(t *testing.T, name string) map[string]composeService {
	t.Helper()
	var file struct {
		Name     string
		Worker   composeService `yaml:"x-worker"`
		Services map[string]composeService
		Volumes  map[string]any
	}
	if err := yaml.UnmarshalWithOptions([]byte(deployFile(t, name)), &file, yaml.Strict(), yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	for service, s := range file.Services {
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if _, ok := file.Volumes[volume]; !ok {
				t.Errorf("%s mounts %s, which is not declared", service, volume)
			}
		}
		if s.Build.Dockerfile != "deploy/Dockerfile" || s.Build.Context != ".." || !s.Init || !s.ReadOnly {
			t.Errorf("%s: %+v", service, s)
		}
		if s.Grace != "45s" {
			t.Errorf("%s is killed after %s; draining and stopping take up to %s", service, s.Grace, DefaultConfig().HTTP.DrainTimeout+DefaultConfig().Turn.Drain+stopTime)
		}
	}
	return file.Services
}

// Each container's environment and command line mean what they say to the program.
func TestComposeFilesMatchTheProgram(t *testing.T) {
	for file, want := range map[string][]string{
		"docker-compose.yaml":       {"bus", "edge", "ingest", "signal", "transcode", "transfer", "turn"},
		"docker-compose.split.yaml": {"bus", "edge", "ingest", "signal", "transcode", "transfer", "turn"},
	} {
		var run []string
		for name, s := range compose(t, file) {
			var env []string
			for k, v := range s.Environment {
				v = regexp.MustCompile(`\$\{[^}]*:-\}`).ReplaceAllString(v, "") // as it is by default
				env = append(env, k+"="+regexp.MustCompile(`\$\{[^}]*\}`).ReplaceAllString(v, "word"))
			}
			l, err := load("", env, nil)
			if err != nil {
				t.Errorf("%s %s: %v", file, name, err)
				continue
			}
			if len(l.unknown) > 0 {
				t.Errorf("%s %s: nobody reads %v", file, name, l.unknown)
			}
			args := s.Command
			if args == nil {
				args = []string{"serve"}
			}
			command, err := parse(&scope{}, args)
			serve, ok := command.(*serveCommand)
			if err != nil || !ok {
				t.Errorf("%s %s: %T, %v", file, name, command, err)
				continue
			}
			chosen, err := choose(workers(), serve.Workers, l.Config, serve.Demo)
			if err != nil {
				t.Errorf("%s %s: %v", file, name, err)
			}
			run = append(run, namesOf(chosen)...)
			for _, port := range s.Ports {
				_, inside, _ := strings.Cut(strings.TrimSuffix(port, "/udp"), ":")
				relays := fmt.Sprintf("%d-%d", l.Turn.MinPort, l.Turn.MaxPort)
				if !slices.Contains([]string{l.HTTP.Listen, l.HTTP.TLSListen, l.Ingest.Listen, l.Turn.Listen, l.Turn.TLSListen, ":" + relays}, ":"+inside) {
					t.Errorf("%s %s publishes %s, where nobody listens", file, name, port)
				}
			}
		}
		slices.Sort(run)
		if !slices.Equal(run, want) {
			t.Errorf("%s runs %v, want %v", file, run, want)
		}
	}
}

// Docker itself reads the files too, where its Compose is at hand.
func TestComposeFilesAreAcceptedByDocker(t *testing.T) {
	if err := exec.Command("docker", "compose", "version").Run(); err != nil {
		t.Log("no docker compose here: read only by our own parser, in the test above")
		return
	}
	for _, file := range []string{"docker-compose.yaml", "docker-compose.split.yaml"} {
		cmd := exec.Command("docker", "compose", "-f", filepath.Join("../../deploy", file), "config", "--quiet")
		cmd.Env = append(os.Environ(), "PSE_BUS_PASSWORD=word")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

func TestDockerfileMatchesTheProgram(t *testing.T) {
	text := deployFile(t, "Dockerfile")
	for _, port := range []string{DefaultConfig().HTTP.Listen, DefaultConfig().HTTP.TLSListen, DefaultConfig().Ingest.Listen, DefaultConfig().Turn.Listen, DefaultConfig().Turn.TLSListen} {
		if !regexp.MustCompile(`(?m)^EXPOSE .*\b` + strings.TrimPrefix(port, ":") + `\b`).MatchString(text) {
			t.Errorf("port %s is not exposed", port)
		}
	}
	for _, want := range []string{"COPY --from=program /pse ", "COPY --from=pages /src/web/dist/ web/dist/", "-buildvcs=true", `ENTRYPOINT ["pse"]`, "USER pse", "ENV PSE_DATA=/data", "VOLUME /data", `"pse", "ready"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, needed := range []string{".git", "web/.npmrc", "web/dist/.keep"} {
		if _, err := os.Stat(filepath.Join("../..", needed)); err != nil {
			t.Errorf("the build wants %s: %v", needed, err)
		}
	}
	want := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(deployFile(t, "../go.mod"))
	if !strings.Contains(text, "FROM golang:"+want[1]+"-") {
		t.Errorf("it is built with another Go than %s, which go.mod wants", want[1])
	}
}

// systemd reads the unit, with a program that is there.
func TestUnitIsAcceptedBySystemd(t *testing.T) {
	text := deployFile(t, "pse.service")
	var start []string
	for _, key := range []string{"ExecStart", "ExecStartPre"} {
		start = regexp.MustCompile(`(?m)^` + key + `=(\S+)(.*)$`).FindStringSubmatch(text)
		if start == nil || start[1] != "/usr/local/bin/pse" {
			t.Fatalf("%s is %q", key, start)
		}
		if command, err := parse(&scope{}, strings.Fields(start[2])); err != nil || command == nil {
			t.Errorf("%s: %T, %v", key, command, err)
		}
	}
	if want := fmt.Sprintf("TimeoutStopSec=%d\n", 45); !strings.Contains(text, want) {
		t.Errorf("no %s", want)
	}
	unit := filepath.Join(t.TempDir(), "pse.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(text, start[1], "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", "--man=no", unit},
		{"security", "--offline=yes", "--no-pager", "--threshold=20", unit}, // of 100, which is a service without bounds
	} {
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
		if err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %v: %v\n%s", args, err, out)
		}
	}
	// A child that takes too much memory is a child's end.
	for _, want := range []string{"MemoryMax=80%", "OOMPolicy=continue", "TasksMax=", "LimitCORE=0"} {
		if !regexp.MustCompile(`(?m)^` + want).MatchString(text) {
			t.Errorf("no %s", want)
		}
	}
}
