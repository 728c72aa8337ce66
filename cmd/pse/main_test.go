package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
)

// buildOnce builds the program when the first test asks for it.
var buildOnce = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return process.Build(ctx, os.Getenv(builtIn))
})

// builtIn names the directory of the built program, also for processes that tests start.
const builtIn = "TEST_PSE_DIR"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "pse-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.Setenv(builtIn, dir)
	http.DefaultClient.Timeout = time.Minute // a program that hangs fails its test, not all
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
