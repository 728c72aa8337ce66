package credentials

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// chain finds who gives keys.
type chain struct {
	roles    tokenService
	profiles map[string]profile
}

// first is the first of those in the package's list.
func (c chain) first(p profile) (provider, error) {
	if k := environment(); k.ID != "" && k.Secret != "" {
		return keep(k), nil
	}
	if token := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"); token != "" {
		return c.roles.webIdentity(token, os.Getenv("AWS_ROLE_ARN"), os.Getenv("AWS_ROLE_SESSION_NAME"))
	}
	return c.ofProfile(p, nil)
}

// environment are the keys in variables.
func environment() sigv4.Keys {
	return sigv4.Keys{ID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), Session: os.Getenv("AWS_SESSION_TOKEN")}
}

// ofProfile is who gives the keys of a profile. passed are the profiles that took
// on a role by this one.
func (c chain) ofProfile(p profile, passed []string) (get provider, err error) {
	role, source := p["role_arn"], p["source_profile"]
	switch {
	case role != "" && source != "":
		get, err = c.ofSource(p, source, passed)
	case p.keys().ID != "":
		get = keep(p.keys())
	case p["credential_source"] != "":
		get, err = c.named(p["credential_source"])
	case p["web_identity_token_file"] != "":
		return c.roles.webIdentity(p["web_identity_token_file"], role, p["role_session_name"])
	case p["sso_session"] != "" || p["sso_start_url"] != "":
		get, err = login(p, c.profiles)
	case p["login_session"] != "":
		return nil, errors.New("the profile is a login in a console (aws login), which nobody but Amazon's own tools can use; write credential_process = aws configure export-credentials --profile NAME --format process")
	case p["credential_process"] != "":
		get = process(p["credential_process"])
	case os.Getenv(relativeURI) != "" || os.Getenv(fullURI) != "":
		get, err = container()
	default:
		get = machine()
	}
	if err != nil || role == "" {
		return get, err
	}
	return c.roles.assumeRole(get, p)
}

// ofSource is who gives the keys of the profile by which p takes on its role.
func (c chain) ofSource(p profile, source string, passed []string) (provider, error) {
	from, ok := c.profiles[source]
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no profile %s, which source_profile names", source)
	case source == p[profileName] && p.keys().ID != "": // it names itself: for its own keys
		return keep(p.keys()), nil
	case slices.Contains(passed, source):
		return nil, fmt.Errorf("profile %s is named by source_profile in a circle", source)
	}
	return c.ofProfile(from, append(passed, source))
}

// named is what credential_source names.
func (c chain) named(source string) (provider, error) {
	switch source {
	case "Environment":
		return keep(environment()), nil
	case "EcsContainer":
		return container()
	case "Ec2InstanceMetadata":
		return machine(), nil
	}
	return nil, fmt.Errorf("credential_source is %q; use EcsContainer, Ec2InstanceMetadata or Environment", source)
}
