package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a command line means, and what is said of one that means nothing.
func TestCommandLinesMean(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"serve":                                 "*main.serveCommand &{[]     false false} []",
		"serve edge turn --open --http=:80":     "*main.serveCommand &{[edge turn] :80    true false} []",
		"--http :80 serve edge --demo turn":     "*main.serveCommand &{[edge turn] :80    false true} []",
		"serve --http :80 -- --open -":          "*main.serveCommand &{[--open -] :80    false false} []",
		"serve --open=no --open=Yes --demo=0":   "*main.serveCommand &{[]     true false} []",
		"serve --turn= --admin -":               "*main.serveCommand &{[]    - false false} []",
		"--set a=1 serve --set b,c --set= --":   "*main.serveCommand &{[]     false false} [a=1 b,c ]",
		"stream --set a=1 keys --set=b=2 ls":    "*main.keysLs &{} [a=1 b=2]",
		"stream keys":                           "*main.keysLs &{} []",
		"stream keys add":                       "*main.keysAdd &{  false} []",
		"stream keys add phone --stream -":      "*main.keysAdd &{phone - false} []",
		"stream keys add --owner":               "*main.keysAdd &{  true} []",
		"stream keys revoke k --files give:me":  "*main.keysRevoke &{k give:me} []",
		"stream ls --json":                      "*main.streamLs &{true} []",
		"call link room":                        "*main.callLink &{room 24h0m0s} []",
		"call link --for 90m room":              "*main.callLink &{room 1h30m0s} []",
		"certificate":                           "main.certificateShow {} []",
		"certificate renew":                     "main.certificateRenew {} []",
		"config":                                "*main.configPrint &{false} []",
		"config --changed":                      "*main.configPrint &{true} []",
		"config --changed print":                "*main.configPrint &{true} []",
		"config print --changed=false":          "*main.configPrint &{false} []",
		"config check edge bus":                 "*main.configCheck &{[edge bus]} []",
		"events tail":                           "*main.eventsTail &{> false 0s } []",
		"events tail --since 1h --durable d":    "*main.eventsTail &{> false 1h0m0s d} []",
		"events forget d":                       "*main.eventsForget &{d} []",
		"events tail --json stream.>":           "*main.eventsTail &{stream.> true 0s } []",
		"events schema":                         "*main.eventsSchema &{} []",
		"hls check u --second v --all":          "*main.hlsCheck &{u 20s true v} []",
		"turn import FILE":                      "*main.turnImport &{FILE } []",
		"turn import FILE FILE":                 "*main.turnImport &{FILE FILE} []",
		"turn test --user a --password b":       "*main.turnTest &{ a b false} []",
		"-- version":                            "main.versionCommand {} []",
		"--help":                                "<nil> <nil> []",
		"turn import -h":                        "<nil> <nil> []",
		"stream keys add -h --stream x --owner": "<nil> <nil> []",
		"serve --help --nope":                   `!unknown flag --nope; did you mean "--open"?`,
		"sreve":                                 `!unknown command "sreve"; did you mean "serve"?`,
		"stream":                                "!pse stream wants a command: keys, ls",
		"stream keys list":                      `!unknown command "list"; did you mean "ls"?`,
		"stream keys ls phone":                  `!unexpected argument "phone"`,
		"stream keys add a b":                   `!unexpected argument "b"`,
		"stream keys add --stream= --owner":     "!--stream and --owner can't be used together",
		"config printt":                         `!unknown command "printt"; did you mean "print"?`,
		"serve --htpp :80":                      `!unknown flag --htpp; did you mean "--http"?`,
		"serve -x":                              "!unknown flag -x of pse serve",
		"serve --http":                          "!--http wants a value: --http=ADDR",
		"serve --open=maybe":                    `!--open: "maybe" is not true or false`,
		"--set":                                 "!--set wants a value: --set=KEY=VALUE",
		"config --set -x":                       "!--set wants a value, but -x follows; if it is the value write --set=-x",
		"call link":                             "!<room> is missing",
		"call link a --for soon":                `!--for: "soon" is not a time like 500ms, 30s or 2m`,
		"turn import DIR":                       "!<conf>: DIR is a directory, where a file is wanted",
		"turn import FILE DIR/none":             "![<users>]: stat DIR/none: no such file or directory",
	} {
		fill := strings.NewReplacer("FILE", file, "DIR", dir)
		var out strings.Builder
		s := &scope{std: std{out: &out}}
		command, err := parse(s, strings.Fields(fill.Replace(args)))
		got := fmt.Sprintf("%T %v %v", command, command, s.set)
		if err != nil {
			got = "!" + err.Error()
		}
		if want = fill.Replace(want); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
		if shown := out.Len() > 0; shown != (command == nil && err == nil) {
			t.Errorf("%s: help is shown: %t", args, shown)
		}
	}
}

// How the help is set, to the letter.
func TestHelp(t *testing.T) {
	out, err := cli(t, []string{"COLUMNS=60"}, "call", "link", "--help")
	if want := `Usage: pse call link <room> [flags]

Make a link that lets people into a call, where signal.links
asks for one.

Arguments:
  <room>   The room's name, as people type it.

Flags:
      --for duration   How long the link lets people
                       in. (default 24h0m0s)

Flags of all commands:
  -h, --help              Show what a command is for,
                          and its flags.
`; err != nil || !strings.HasPrefix(out, want) {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = cli(t, nil, "--help")
	if err != nil || !strings.Contains(out, "  stream keys revoke   Revoke a key; its publishers are cut off at once.\n") || strings.Index(out, "  serve ") > strings.Index(out, "  doctor ") {
		t.Errorf("%v\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		if len(line) > 81 {
			t.Errorf("longer than a terminal is wide: %s", line)
		}
	}
}

// Whatever people write, it is a command, help or an error.
func FuzzCommandLine(f *testing.F) {
	f.Add("serve edge --http=:80 -- --x")
	f.Add("config --changed -h=1 - --set= -hh")
	f.Add("help stream keys -- add")
	f.Fuzz(func(t *testing.T, line string) {
		var out strings.Builder
		s := &scope{std: std{out: &out, err: &out}}
		if command, err := parse(s, strings.Split(line, " ")); err == nil && command == nil && out.Len() == 0 {
			t.Errorf("%q is nothing", line)
		}
	})
}
