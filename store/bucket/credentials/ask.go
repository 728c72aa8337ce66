package credentials

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

const (
	askedTimes = 3               // how often a question is asked that has no answer
	askedFor   = 5 * time.Second // each time
	askedPause = 200 * time.Millisecond
	mostAnswer = 1 << 20 // bytes of an answer
)

// proxied and direct ask by way of the proxy that the environment names, and
// without: who gives out keys is next to us.
var (
	proxied = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, CheckRedirect: stay}
	direct  = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: stay}
)

// stay follows nobody elsewhere with what makes us known.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// statusError is an answer that is none.
type statusError struct {
	status int
	text   string
}

// Error says what was answered.
func (e statusError) Error() string {
	return fmt.Sprintf("the answer is %d %s: %s", e.status, http.StatusText(e.status), e.text)
}

// ask asks until there is an answer, of 200.
func ask(ctx context.Context, by *http.Client, question func(context.Context) (*http.Request, error)) ([]byte, error) {
	for try := 1; ; try++ {
		b, err := askOnce(ctx, by, question)
		if err == nil {
			return b, nil
		}
		refused, answered := err.(statusError)
		if try == askedTimes || ctx.Err() != nil || answered && refused.status < 500 && refused.status != http.StatusTooManyRequests {
			return nil, err
		}
		if !sleep.For(ctx, askedPause*time.Duration(try)) {
			return nil, context.Cause(ctx)
		}
	}
}

func askOnce(ctx context.Context, by *http.Client, question func(context.Context) (*http.Request, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askedFor)
	defer cancel()
	r, err := question(ctx)
	if err != nil {
		return nil, err
	}
	a, err := by.Do(r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(io.LimitReader(a.Body, mostAnswer))
	if err != nil {
		return nil, err
	}
	if a.StatusCode != http.StatusOK {
		return nil, statusError{a.StatusCode, strings.Join(strings.Fields(string(b[:min(len(b), 500)])), " ")}
	}
	return b, nil
}

// inJSON are keys as programs, containers and machines give them.
func inJSON(b []byte) (sigv4.Keys, error) {
	var a struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Token           string
		Expiration      time.Time
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return sigv4.Keys{}, fmt.Errorf("read the keys: %w", err)
	}
	if a.SessionToken == "" {
		a.SessionToken = a.Token
	}
	if a.AccessKeyID == "" || a.SecretAccessKey == "" {
		return sigv4.Keys{}, errNone
	}
	return sigv4.Keys{ID: a.AccessKeyID, Secret: a.SecretAccessKey, Session: a.SessionToken, Expires: a.Expiration}, nil
}
