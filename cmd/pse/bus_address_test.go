package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The password of a bus elsewhere comes from a file or a variable, and goes
// with the user that the address names.
func TestPasswordOfTheBus(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bus.password")
	if err := os.WriteFile(file, []byte("s3cret/@:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env        []string
		want, fail string
	}{
		{[]string{"PSE_BUS_URL=nats://box:4222", "PSE_BUS_PASSWORD_FILE=" + file}, "nats://worker:s3cret%2F%40%3A@box:4222", ""},
		{[]string{"PSE_BUS_URL=tls://ann@a:1, nats://b:2", "PSE_BUS_PASSWORD=x"}, "tls://ann:x@a:1,nats://worker:x@b:2", ""},
		{[]string{"PSE_BUS_URL=nats://worker:x@box:4222"}, "nats://worker:x@box:4222", ""},
		{nil, "", ""},
		{[]string{"PSE_BUS_URL=nats://worker:x@box:4222", "PSE_BUS_PASSWORD=y"}, "", "leave out one of them"},
		{[]string{"PSE_BUS_URL=box", "PSE_BUS_PASSWORD=y"}, "", "write nats://host:4222"},
		{[]string{"PSE_BUS_URL=nats://box", "PSE_BUS_PASSWORD_FILE=/nowhere"}, "", "bus.password_file: open /nowhere"},
		{[]string{"PSE_BUS_PASSWORD=y"}, "", "give url too"},
		{[]string{"PSE_BUS_URL=nats://box", "PSE_BUS_PASSWORD=y", "PSE_BUS_PASSWORD_FILE=" + file}, "", "give one of them"},
	} {
		l, err := load("", c.env, nil)
		var got string
		if err == nil {
			got, err = l.Bus.reach()
		}
		if got != c.want || (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%v: %q, %v; want %q, %s", c.env, got, err, c.want, c.fail)
		}
	}
}

// Commands reach the bus so, and serve bus leaves the password where workers
// elsewhere can be given it.
func TestCommandsWithPasswordFile(t *testing.T) {
	_, data := servedBus(t)
	address, err := runningBus(data)
	if err != nil {
		t.Fatal(err)
	}
	at, password := withoutPassword(address)
	if strings.Contains(at, password) || password == "" {
		t.Fatalf("%q, %q", at, password)
	}
	if err := writeSecret(passwordFile(data), password); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(passwordFile(data)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if out, err := cli(t, []string{"HOME=" + data, "PSE_BUS_PASSWORD_FILE=" + passwordFile(data)}, "--bus", at, "stream", "ls"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := cli(t, []string{"HOME=" + data, "PSE_BUS_PASSWORD=wrong"}, "--bus", at, "stream", "ls"); err == nil || !strings.Contains(err.Error(), "bus.password_file") || strings.Contains(err.Error(), "wrong@") {
		t.Errorf("with a wrong one: %v", err)
	}
}
