package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Firefox is one Firefox process with one tab, driven by its Marionette protocol: a
// line of "LENGTH:JSON" each way over TCP. Its methods are for one goroutine at a time.
type Firefox struct {
	cmd  *exec.Cmd
	conn net.Conn
	in   *bufio.Reader
	last int // id of a command
	home string
}

// firefoxPrefs make it give pages a camera and a microphone that are not real, play
// without a click, and ask nobody on the network for anything.
const firefoxPrefs = `user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.autoplay.default", 0);
user_pref("marionette.port", 0);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("extensions.update.enabled", false);
`

// firefoxStarts is how long it may take to start on a busy machine.
const firefoxStarts = 2 * time.Minute

// StartFirefox starts a headless Firefox that trusts HTTPS with any certificate and ends
// with ctx or Close. It keeps its files below dir. Who uses TLS for anything else, as a
// relay of calls, is trusted only by root, a file in PEM; empty: by none more than usual.
func StartFirefox(ctx context.Context, dir, root string) (*Firefox, error) {
	f := &Firefox{home: dir}
	if root != "" {
		if out, err := exec.CommandContext(ctx, "certutil", "-A", "-n", "root", "-t", "C,,", "-i", root, "-d", "sql:"+dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("trust %s: %w: %s; install the package libnss3-tools", root, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "user.js"), []byte(firefoxPrefs), 0o644); err != nil {
		return nil, fmt.Errorf("start firefox: %w", err)
	}
	f.cmd = exec.CommandContext(ctx, "firefox-esr", "--headless", "--no-remote", "--marionette", "--profile", dir)
	f.cmd.Env = append(os.Environ(), "HOME="+dir, "MOZ_CRASHREPORTER_DISABLE=1")
	if err := f.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start firefox: %w; install the package firefox-esr", err)
	}
	ctx, cancel := context.WithTimeout(ctx, firefoxStarts)
	defer cancel()
	if err := f.greet(ctx); err != nil {
		f.Close()
		return nil, fmt.Errorf("start firefox: %w", err)
	}
	return f, nil
}

// greet connects to the port that Firefox chose, and begins a session.
func (f *Firefox) greet(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for f.conn == nil {
		if port, err := os.ReadFile(filepath.Join(f.home, "MarionetteActivePort")); err == nil && len(port) > 0 {
			f.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strings.TrimSpace(string(port))))
			if err == nil {
				break
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.in = bufio.NewReader(f.conn)
	_ = f.conn.SetDeadline(time.Now().Add(firefoxStarts))
	if _, err := f.read(); err != nil { // what it is
		return err
	}
	_, err := f.do("WebDriver:NewSession", `{"acceptInsecureCerts":true,"timeouts":{"script":20000,"pageLoad":60000}}`)
	return err
}

// Close ends the browser and waits for it. Nil-safe.
func (f *Firefox) Close() {
	if f == nil {
		return
	}
	if f.conn != nil {
		_ = f.conn.Close()
	}
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
}

// Go leads the tab to an address and waits until it is loaded.
func (f *Firefox) Go(url string) error {
	q, _ := json.Marshal(map[string]string{"url": url}) // a string: cannot fail
	_, err := f.do("WebDriver:Navigate", string(q))
	return err
}

// Eval evaluates a JavaScript expression in the page; a promise is awaited.
func (f *Firefox) Eval(expression string) (json.RawMessage, error) {
	q, _ := json.Marshal(map[string]any{"script": "return (" + expression + ")", "args": []any{}, "sandbox": nil}) // cannot fail
	answer, err := f.do("WebDriver:ExecuteScript", string(q))
	if err != nil {
		return nil, fmt.Errorf("evaluate %.80s: %w", expression, err)
	}
	var v struct{ Value json.RawMessage }
	if err := json.Unmarshal(answer, &v); err != nil {
		return nil, fmt.Errorf("evaluate %.80s: %w", expression, err)
	}
	return v.Value, nil
}

// do sends a command and waits for its answer.
func (f *Firefox) do(command, parameters string) (json.RawMessage, error) {
	_ = f.conn.SetDeadline(time.Now().Add(firefoxStarts))
	f.last++
	q := fmt.Sprintf("[0,%d,%q,%s]", f.last, command, parameters)
	if _, err := io.WriteString(f.conn, strconv.Itoa(len(q))+":"+q); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	b, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	var answer []json.RawMessage
	if err := json.Unmarshal(b, &answer); err != nil || len(answer) != 4 {
		return nil, fmt.Errorf("%s is answered by %.200s", command, b)
	}
	if string(answer[2]) != "null" {
		return nil, fmt.Errorf("%s: %.300s", command, answer[2])
	}
	return answer[3], nil
}

// read reads one message.
func (f *Firefox) read() ([]byte, error) {
	size, err := f.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil || n < 0 || n > 64<<20 {
		return nil, fmt.Errorf("a message of %q bytes", size)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(f.in, b)
	return b, err
}
