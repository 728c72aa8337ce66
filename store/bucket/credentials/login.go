package credentials

import (
	"cmp"
	"context"
	"crypto/sha1" // names a file
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// login takes on the role of a person who logged in by `aws sso login`. It does as
// long as the login lasts, hours as a rule: nobody is here to log in again.
func login(p profile, all map[string]profile) (provider, error) {
	region, name := p["sso_region"], p["sso_start_url"]
	if session := p["sso_session"]; session != "" {
		region, name = all[ssoSession+session]["sso_region"], session
	}
	if region == "" || name == "" || p["sso_account_id"] == "" || p["sso_role_name"] == "" {
		return nil, errors.New("the profile's login lacks one of sso_region, sso_start_url, sso_account_id and sso_role_name")
	}
	sum := sha1.Sum([]byte(name))
	return func(ctx context.Context) (sigv4.Keys, error) {
		home, err := os.UserHomeDir()
		if err != nil {
			return sigv4.Keys{}, err
		}
		var token struct {
			AccessToken string    `json:"accessToken"`
			ExpiresAt   time.Time `json:"expiresAt"`
		}
		b, err := os.ReadFile(filepath.Join(home, ".aws", "sso", "cache", hex.EncodeToString(sum[:])+".json"))
		if err == nil {
			err = json.Unmarshal(b, &token)
		}
		if err != nil || !time.Now().Before(token.ExpiresAt) {
			return sigv4.Keys{}, errors.Join(errors.New("the login has ended, or there was none; run aws sso login"), err)
		}
		where := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_SSO"), "https://portal.sso."+region+"."+sigv4.Domain(region))
		query := url.Values{"account_id": {p["sso_account_id"]}, "role_name": {p["sso_role_name"]}}
		b, err = ask(ctx, proxied, func(ctx context.Context) (*http.Request, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, where+"/federation/credentials?"+query.Encode(), http.NoBody)
			if err == nil {
				r.Header.Set("X-Amz-Sso_bearer_token", token.AccessToken)
			}
			return r, err
		})
		if err != nil {
			return sigv4.Keys{}, fmt.Errorf("take on the role of the login: %w", err)
		}
		var a struct {
			RoleCredentials struct {
				AccessKeyID     string `json:"accessKeyId"`
				SecretAccessKey string `json:"secretAccessKey"`
				SessionToken    string `json:"sessionToken"`
				Expiration      int64  `json:"expiration"` // Unix time in ms
			} `json:"roleCredentials"`
		}
		if err := json.Unmarshal(b, &a); err != nil {
			return sigv4.Keys{}, fmt.Errorf("take on the role of the login: read the answer: %w", err)
		}
		k := a.RoleCredentials
		return sigv4.Keys{ID: k.AccessKeyID, Secret: k.SecretAccessKey, Session: k.SessionToken, Expires: time.UnixMilli(k.Expiration)}, nil
	}, nil
}
