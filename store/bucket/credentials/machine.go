package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/helios-h2020/pse/store/bucket/sigv4"
)

// Where a container is told of its keys.
const (
	relativeURI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	fullURI     = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
)

// container asks what runs the container.
func container() (provider, error) {
	where := os.Getenv(fullURI)
	if path := os.Getenv(relativeURI); path != "" {
		where = "http://169.254.170.2" + path
	}
	u, err := url.Parse(where)
	switch {
	case where == "":
		return nil, fmt.Errorf("the keys are to be the container's, and neither %s nor %s is set", relativeURI, fullURI)
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("%s is no URL", fullURI)
	case u.Scheme != "https" && !isNear(u.Hostname()):
		return nil, fmt.Errorf("%s is at %s; only this machine and what runs its containers are asked without TLS", fullURI, u.Host)
	}
	return func(ctx context.Context) (sigv4.Keys, error) {
		token := os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
		if file := os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
			b, err := os.ReadFile(file)
			if err != nil {
				return sigv4.Keys{}, fmt.Errorf("read the token of the container: %w", err)
			}
			token = strings.TrimSpace(string(b))
		}
		b, err := get(ctx, where, map[string]string{"Authorization": token})
		if err != nil {
			return sigv4.Keys{}, fmt.Errorf("ask for the keys of the container: %w", err)
		}
		return inJSON(b)
	}, nil
}

// isNear reports whether a host is this machine, or what runs containers on Amazon's.
func isNear(host string) bool {
	addresses := []string{host}
	if net.ParseIP(host) == nil {
		var err error
		if addresses, err = net.LookupHost(host); err != nil || len(addresses) == 0 {
			return false
		}
	}
	for _, a := range addresses {
		switch ip := net.ParseIP(a); {
		case ip == nil:
			return false
		case ip.IsLoopback():
		case a == "169.254.170.2", a == "169.254.170.23", a == "fd00:ec2::23":
		default:
			return false
		}
	}
	return true
}

// get asks for something that is near.
func get(ctx context.Context, where string, header map[string]string) ([]byte, error) {
	return near(ctx, http.MethodGet, where, header)
}

func near(ctx context.Context, method, where string, header map[string]string) ([]byte, error) {
	return ask(ctx, direct, func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, method, where, http.NoBody)
		if err != nil {
			return nil, err
		}
		for name, v := range header {
			if v != "" {
				r.Header.Set(name, v)
			}
		}
		return r, nil
	})
}

// machine asks the metadata service of Amazon's machines for the keys of their role.
func machine() provider {
	return func(ctx context.Context) (sigv4.Keys, error) {
		if strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
			return sigv4.Keys{}, errNone
		}
		at := "http://169.254.169.254"
		if strings.EqualFold(os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "IPv6") {
			at = "http://[fd00:ec2::254]"
		}
		at = strings.TrimSuffix(cmp.Or(os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), at), "/") + "/latest/"
		k, err := ofMachine(ctx, at)
		if err != nil {
			return sigv4.Keys{}, fmt.Errorf("no keys were given, and the machine has none (%w)", err)
		}
		return k, nil
	}
}

func ofMachine(ctx context.Context, at string) (sigv4.Keys, error) {
	token, err := near(ctx, http.MethodPut, at+"api/token", map[string]string{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": "300"})
	var refused statusError
	if errors.As(err, &refused) { // version 1 of the service has no tokens
		switch refused.status {
		case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
			err = nil
		}
	}
	if err != nil {
		return sigv4.Keys{}, err
	}
	header := map[string]string{"X-Aws-Ec2-Metadata-Token": string(token)}
	roles := at + "meta-data/iam/security-credentials/"
	names, err := get(ctx, roles, header)
	if err != nil {
		return sigv4.Keys{}, err
	}
	role, _, _ := strings.Cut(strings.TrimSpace(string(names)), "\n")
	if role == "" {
		return sigv4.Keys{}, errNone
	}
	b, err := get(ctx, roles+url.PathEscape(role), header)
	if err != nil {
		return sigv4.Keys{}, err
	}
	return inJSON(b)
}
