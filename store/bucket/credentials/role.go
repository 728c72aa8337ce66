package credentials

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// tokenService is Amazon's security token service (STS), or another that speaks as it does.
type tokenService struct{ region string }

func (t tokenService) url() string {
	return cmp.Or(os.Getenv("AWS_ENDPOINT_URL_STS"), "https://sts."+t.region+"."+sigv4.Domain(t.region))
}

// webIdentity takes on a role by a token in a file, which is read each time.
func (t tokenService) webIdentity(file, role, session string) (provider, error) {
	if role == "" {
		return nil, errors.New("there is a token for a role (AWS_WEB_IDENTITY_TOKEN_FILE), and no role; set AWS_ROLE_ARN")
	}
	return func(ctx context.Context) (sigv4.Keys, error) {
		token, err := os.ReadFile(file)
		if err != nil {
			return sigv4.Keys{}, fmt.Errorf("read the token of the role: %w", err)
		}
		return t.take(ctx, sigv4.Keys{}, url.Values{
			"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {role},
			"RoleSessionName": {sessionName(session)}, "WebIdentityToken": {string(token)},
		})
	}, nil
}

// assumeRole takes on the role of a profile with the keys of another.
func (t tokenService) assumeRole(with provider, p profile) (provider, error) {
	if p["mfa_serial"] != "" {
		return nil, errors.New("the profile's role asks for a code of a person (mfa_serial), and nobody is there to give it")
	}
	v := url.Values{"Action": {"AssumeRole"}, "RoleArn": {p["role_arn"]}, "RoleSessionName": {sessionName(p["role_session_name"])}}
	if id := p["external_id"]; id != "" {
		v.Set("ExternalId", id)
	}
	if text := p["duration_seconds"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("duration_seconds is %q; use a number", text)
		}
		if n > 900 { // as Amazon's own tools have it
			v.Set("DurationSeconds", text)
		}
	}
	base := newSource(with)
	return func(ctx context.Context) (sigv4.Keys, error) {
		k, err := base.Get(ctx)
		if err != nil {
			return sigv4.Keys{}, err
		}
		return t.take(ctx, k, v)
	}, nil
}

func sessionName(name string) string {
	return cmp.Or(name, "pse-"+strconv.FormatInt(time.Now().UnixNano(), 10))
}

// take asks for the keys of a role, signed with k if there are any.
func (t tokenService) take(ctx context.Context, k sigv4.Keys, v url.Values) (sigv4.Keys, error) {
	v.Set("Version", "2011-06-15")
	body := v.Encode()
	b, err := ask(ctx, proxied, func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(t.url(), "/")+"/", strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if k.ID != "" {
			sigv4.Sign(r, k, t.region, "sts", sigv4.Sum([]byte(body)), time.Now())
		}
		return r, nil
	})
	if err != nil {
		return sigv4.Keys{}, fmt.Errorf("take on the role %s: %w", v.Get("RoleArn"), err)
	}
	// The element in between is named after the action.
	var a struct {
		Result struct {
			Credentials struct {
				AccessKeyID     string `xml:"AccessKeyId"`
				SecretAccessKey string
				SessionToken    string
				Expiration      time.Time
			}
		} `xml:",any"`
	}
	if err := xml.Unmarshal(b, &a); err != nil {
		return sigv4.Keys{}, fmt.Errorf("take on the role %s: read the answer: %w", v.Get("RoleArn"), err)
	}
	got := a.Result.Credentials
	return sigv4.Keys{ID: got.AccessKeyID, Secret: got.SecretAccessKey, Session: got.SessionToken, Expires: got.Expiration}, nil
}
