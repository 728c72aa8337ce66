package credentials

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// amazon plays the token service, the metadata service of machines and what runs
// containers. What it gives is named after who gave it.
func amazon(t *testing.T) string {
	t.Helper()
	const expires = "2099-01-02T03:04:05Z"
	given := func(rw http.ResponseWriter, who string) {
		fmt.Fprintf(rw, `{"Code":"Success","AccessKeyId":%q,"SecretAccessKey":"s","Token":"t","Expiration":%q}`, who, expires)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sts/", func(rw http.ResponseWriter, r *http.Request) {
		action := r.FormValue("Action")
		who := action + " " + r.FormValue("RoleArn") + " " + r.FormValue("WebIdentityToken") + r.FormValue("ExternalId")
		if signed := r.Header.Get("Authorization"); signed != "" {
			id, _, _ := strings.Cut(strings.TrimPrefix(signed, "AWS4-HMAC-SHA256 Credential="), "/")
			who += "by " + id
		}
		if r.FormValue("RoleArn") == "forbidden" {
			rw.WriteHeader(http.StatusForbidden)
			fmt.Fprint(rw, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
			return
		}
		fmt.Fprintf(rw, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%[3]s</Expiration></Credentials></%[1]sResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></%[1]sResponse>`, action, who, expires)
	})
	mux.HandleFunc("PUT /latest/api/token", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "" {
			rw.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(rw, "a token")
	})
	mux.HandleFunc("GET /latest/meta-data/iam/security-credentials/{role...}", func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "a token":
			rw.WriteHeader(http.StatusUnauthorized)
		case r.PathValue("role") == "":
			fmt.Fprint(rw, "role-of-box\n")
		default:
			given(rw, "machine "+r.PathValue("role"))
		}
	})
	mux.HandleFunc("PUT /old/latest/api/token", http.NotFound)
	mux.HandleFunc("GET /old/latest/meta-data/iam/security-credentials/{role...}", func(rw http.ResponseWriter, r *http.Request) {
		if r.PathValue("role") == "" {
			fmt.Fprint(rw, "role")
			return
		}
		given(rw, "old machine")
	})
	mux.HandleFunc("GET /sso/federation/credentials", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, `{"roleCredentials":{"accessKeyId":%q,"secretAccessKey":"s","sessionToken":"t","expiration":4070908800000}}`,
			"login "+r.FormValue("account_id")+" "+r.FormValue("role_name")+" "+r.Header.Get("X-Amz-Sso_bearer_token"))
	})
	mux.HandleFunc("GET /container", func(rw http.ResponseWriter, r *http.Request) { given(rw, "container "+r.Header.Get("Authorization")) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// Keys are found where Amazon's tools find them.
func TestWhereKeysAre(t *testing.T) {
	const role = "arn:aws:iam::1:role/x"
	for _, c := range []struct {
		name                string
		env                 map[string]string // URL and DIR in it are replaced
		config, credentials string
		login               string // what its token's file is named after
		want, region        string // key id
		session             bool
		fails               string // in the error
	}{
		{name: "variables", env: map[string]string{"AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, credentials: "[default]\naws_access_key_id=file\naws_secret_access_key=s", want: "env", region: "eu-west-1"},
		{name: "variables of a session", env: map[string]string{"AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}, want: "env", session: true},
		{name: "a file", credentials: "# mine\n[ default ]\naws_access_key_id = file # the id\nAWS_SECRET_ACCESS_KEY=s\n[other]\naws_access_key_id = other\n", config: "[default]\nregion = eu-west-3\ns3 =\n  aws_access_key_id = nested\n", want: "file", region: "eu-west-3"},
		{name: "keys among settings", config: "[profile work]\naws_access_key_id=work\naws_secret_access_key=s\nregion=r-1\n[work]\nregion=wrong", env: map[string]string{"AWS_PROFILE": "work"}, want: "work", region: "r-1"},
		{name: "a profile that is not there", env: map[string]string{"AWS_PROFILE": "work"}, credentials: "[default]\naws_access_key_id=file\naws_secret_access_key=s", fails: "no profile work"},
		{name: "a file that is none", credentials: "keys are here", fails: "line 1"},
		{name: "a token, as in Kubernetes", env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "DIR/token", "AWS_ROLE_ARN": role}, want: "AssumeRoleWithWebIdentity " + role + " jwt", session: true},
		{name: "a token without a role", env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "DIR/token"}, fails: "AWS_ROLE_ARN"},
		{name: "a token of a profile", config: "[default]\nrole_arn=" + role + "\nweb_identity_token_file=DIR/token", want: "AssumeRoleWithWebIdentity " + role + " jwt", session: true},
		{name: "a role by another profile", config: "[default]\nrole_arn=" + role + "\nsource_profile=base\nexternal_id=ext \n", credentials: "[base]\naws_access_key_id=base\naws_secret_access_key=s", want: "AssumeRole " + role + " extby base", session: true},
		{name: "a role by a role", config: "[default]\nrole_arn=two\nsource_profile=one\n[profile one]\nrole_arn=one\nsource_profile=base", credentials: "[base]\naws_access_key_id=base\naws_secret_access_key=s", want: "AssumeRole two by AssumeRole one by base", session: true},
		{name: "roles in a circle", config: "[default]\nrole_arn=two\nsource_profile=one\n[profile one]\nrole_arn=one\nsource_profile=one", fails: "circle"},
		{name: "a role that is refused", config: "[default]\nrole_arn=forbidden\nsource_profile=base", credentials: "[base]\naws_access_key_id=base\naws_secret_access_key=s", fails: "AccessDenied"},
		{name: "a role by the environment", env: map[string]string{"AWS_PROFILE": "work", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container"}, config: "[profile work]\nrole_arn=" + role + "\ncredential_source=EcsContainer", want: "AssumeRole " + role + " by container ", session: true},
		{name: "a role that wants a person", config: "[default]\nrole_arn=x\nsource_profile=default\nmfa_serial=1\naws_access_key_id=a\naws_secret_access_key=s", fails: "mfa_serial"},
		{name: "a login", config: "[default]\nsso_start_url=https://x\nsso_region=r-1\nsso_account_id=1\nsso_role_name=x", login: "https://x", want: "login 1 x jwt", session: true},
		{name: "a login that profiles share", config: "[default]\nsso_session=us\nsso_account_id=1\nsso_role_name=x\n[sso-session us]\nsso_region=r-1\nsso_start_url=https://x", login: "us", want: "login 1 x jwt", session: true},
		{name: "a login that there was not", config: "[default]\nsso_start_url=https://x\nsso_region=r-1\nsso_account_id=1\nsso_role_name=x", fails: "aws sso login"},
		{name: "half a login", config: "[default]\nsso_start_url=https://x", fails: "sso_region"},
		{name: "a login in a console", config: "[default]\nlogin_session=x", fails: "credential_process"},
		{name: "a program", config: "[default]\ncredential_process = printf '{\"Version\":1,\"AccessKeyId\":\"program %s\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}' \"$MINE$PSE_SECRET\"", env: map[string]string{"MINE": "mine", "PSE_SECRET": "ours"}, want: "program mine", session: true},
		{name: "a program that fails", config: "[default]\ncredential_process = echo no such key >&2; exit 3", fails: "no such key"},
		{name: "a container", env: map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "tok"}, want: "container tok", session: true},
		{name: "a container with a token in a file", env: map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "DIR/token"}, want: "container jwt", session: true},
		{name: "a container far away", env: map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/container"}, fails: "without TLS"},
		{name: "a machine", want: "machine role-of-box", session: true},
		{name: "an old machine", env: map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "URL/old"}, want: "old machine", session: true},
		{name: "nothing at all", env: map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}, fails: "no keys"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, dir := amazon(t), t.TempDir()
			for _, kv := range os.Environ() {
				if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
					t.Setenv(name, "")
				}
			}
			all := map[string]string{"HOME": dir, "AWS_ENDPOINT_URL_STS": "URL/sts", "AWS_ENDPOINT_URL_SSO": "URL/sso", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "URL"}
			for name, v := range c.env {
				all[name] = v
			}
			fill := strings.NewReplacer("URL", url, "DIR", dir)
			for name, v := range all {
				if strings.Contains(name, "ENDPOINT") || strings.HasPrefix(v, "URL") || strings.HasPrefix(v, "DIR") {
					v = fill.Replace(v)
				}
				t.Setenv(name, v)
			}
			for name, text := range map[string]string{".aws/config": c.config, ".aws/credentials": c.credentials, "token": "jwt"} {
				if text == "" {
					continue
				}
				file := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(fill.Replace(text)), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if c.login != "" {
				sum := sha1.Sum([]byte(c.login))
				file := filepath.Join(dir, ".aws/sso/cache", hex.EncodeToString(sum[:])+".json")
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(`{"accessToken":"jwt","expiresAt":"2099-01-02T03:04:05Z"}`), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			s, region, err := Default("us-east-1")
			var k sigv4.Keys
			if err == nil {
				k, err = s.Get(t.Context())
			}
			switch {
			case c.fails != "":
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("%+v, %v, want an error that says %q", k, err, c.fails)
				}
			case err != nil || k.ID != c.want || k.Secret != "s" || (k.Session == "t") != c.session || region != c.region:
				t.Errorf("%+v of %q, %v, want %q of %q", k, region, err, c.want, c.region)
			}
		})
	}
}

// Keys that end are had anew before they do, once for all who want them, and last
// while nobody gives others.
func TestKeysThatEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, broken := 0, false
		s := newSource(func(context.Context) (sigv4.Keys, error) {
			<-time.After(time.Second)
			if broken {
				return sigv4.Keys{}, errNone
			}
			n++
			return sigv4.Keys{ID: fmt.Sprint(n), Secret: "s", Session: "t", Expires: time.Now().Add(time.Hour)}, nil
		})
		want := func(id string) {
			t.Helper()
			if k, err := s.Get(t.Context()); err != nil || k.ID != id {
				t.Errorf("%+v, %v, want %s", k, err, id)
			}
		}
		done := make(chan struct{})
		for range 5 {
			go func() {
				want("1")
				done <- struct{}{}
			}()
		}
		for range 5 {
			<-done
		}
		time.Sleep(54 * time.Minute)
		want("1")
		time.Sleep(2 * time.Minute)
		want("2")
		if k, _ := s.Get(t.Context()); !s.Drop(k) {
			t.Error("there are no others")
		}
		want("3")
		broken = true
		time.Sleep(56 * time.Minute)
		want("3")
		time.Sleep(5 * time.Minute)
		if _, err := s.Get(t.Context()); !errors.Is(err, errNone) {
			t.Error(err)
		}
	})
}

// Who waits for keys and does not want to any more, does not.
func TestWaitForKeysEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		s := newSource(func(context.Context) (sigv4.Keys, error) {
			<-never
			return sigv4.Keys{}, errNone
		})
		go func() { _, _ = s.Get(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(never)
	})
}

// The file that is configured has keys that stay, and nothing else counts.
func TestFile(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "env")
	file := filepath.Join(t.TempDir(), "keys")
	for text, want := range map[string]string{
		"[default]\naws_access_key_id = mine\naws_secret_access_key = s\n": "mine",
		"[other]\naws_access_key_id = mine\naws_secret_access_key = s\n":   "",
		"[default]\naws_access_key_id = mine\n":                            "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := FromFile(file)
		if want == "" {
			if err == nil {
				t.Errorf("%q is taken", text)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if k, err := s.Get(t.Context()); err != nil || k.ID != want || s.Drop(k) {
			t.Errorf("%+v, %v", k, err)
		}
	}
	if _, err := FromFile(file + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// Files that are no such thing do no harm.
func FuzzProfiles(f *testing.F) {
	f.Add([]byte("[default]\na=b\n c\n[x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = readProfiles(file, true)
		_, _ = readProfiles(file, false)
	})
}
