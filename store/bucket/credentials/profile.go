package credentials

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// profile are the settings of one, by their names in small letters.
type profile map[string]string

// profileName is where a profile has its own; no setting is called so.
const profileName = "[name]"

// ssoSession is how the titles of logins begin that profiles share.
const ssoSession = "sso-session "

func (p profile) keys() sigv4.Keys {
	k := sigv4.Keys{ID: p["aws_access_key_id"], Secret: p["aws_secret_access_key"], Session: p["aws_session_token"]}
	if k.ID == "" || k.Secret == "" {
		return sigv4.Keys{}
	}
	return k
}

// readProfiles reads a file of profiles. In that of settings they are called
// [profile NAME], in that of credentials [NAME]. Settings with settings below
// them are of no use here.
func readProfiles(name string, settings bool) (map[string]profile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := map[string]profile{}
	var now profile
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimPrefix(lines.Text(), "\ufeff")
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if text[0] == '[' {
			title, _, closed := strings.Cut(text[1:], "]")
			if !closed {
				return nil, fmt.Errorf("line %d of %s begins with [ and has no ]", n, name)
			}
			now = begin(all, strings.Join(strings.Fields(title), " "), settings)
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue // it belongs to the setting above
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("line %d of %s is neither a setting (name = value) nor a profile", n, name)
		}
		if now != nil {
			now[strings.ToLower(strings.TrimSpace(key))] = withoutComment(value)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return all, nil
}

// begin is the profile that a title begins; nil: the title is of something else.
func begin(all map[string]profile, title string, settings bool) profile {
	if settings {
		name, ok := strings.CutPrefix(title, "profile ")
		if !ok && title != "default" && !strings.HasPrefix(title, ssoSession) {
			return nil
		}
		title = name
	}
	if all[title] == nil {
		all[title] = profile{profileName: title}
	}
	return all[title]
}

// withoutComment cuts off what begins with # or ; behind a space.
func withoutComment(value string) string {
	for _, mark := range []string{" #", " ;", "\t#", "\t;"} {
		value, _, _ = strings.Cut(value, mark)
	}
	return strings.TrimSpace(value)
}

// chosenProfile is the profile that is in force, and all there are. What
// credentials say comes before settings. Without files there is none, which is an
// error only if one was named.
func chosenProfile() (profile, map[string]profile, error) {
	all := map[string]profile{}
	for _, f := range []struct {
		variable, name string
		settings       bool
	}{{"AWS_CONFIG_FILE", "config", true}, {"AWS_SHARED_CREDENTIALS_FILE", "credentials", false}} {
		file := os.Getenv(f.variable)
		if file == "" {
			home, err := os.UserHomeDir()
			if err != nil { // as of a service
				continue
			}
			file = filepath.Join(home, ".aws", f.name)
		}
		more, err := readProfiles(file, f.settings)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for name, p := range more {
			if all[name] == nil {
				all[name] = profile{}
			}
			for k, v := range p {
				all[name][k] = v
			}
		}
	}
	named := cmp.Or(os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"))
	if p, ok := all[cmp.Or(named, "default")]; ok || named == "" {
		return p, all, nil
	}
	return nil, nil, fmt.Errorf("there is no profile %s, which AWS_PROFILE names", named)
}
