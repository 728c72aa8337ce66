package conn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Identity is by what files a worker shows a bus elsewhere who it is, and knows
// the bus. All are read at the start, where one that is no good is an error,
// and again at each connection, so that they can be renewed.
type Identity struct {
	Creds    string // a NATS credentials file
	NKeyFile string // or a file with the seed of a user's NKey
	CA       string // a PEM file with the roots to trust for tls://, if not the system's
	Cert     string // a PEM file with the client's certificate, if the server asks for one
	Key      string // a PEM file with its key
}

// options are the library's.
func (i Identity) options() (opts []nats.Option, err error) {
	for _, part := range []struct {
		file, setting string
		option        func() (nats.Option, error)
	}{
		{i.Creds, "bus.creds", i.creds},
		{i.NKeyFile, "bus.nkey_file", i.nkey},
		{i.CA, "bus.ca", i.roots},
		{i.Cert + i.Key, "bus.cert", i.cert},
	} {
		if part.file == "" {
			continue
		}
		opt, err := part.option()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.setting, err)
		}
		opts = append(opts, opt)
	}
	return opts, nil
}

func (i Identity) creds() (nats.Option, error) {
	text, err := os.ReadFile(i.Creds)
	if err != nil {
		return nil, err
	}
	token, err := nkeys.ParseDecoratedJWT(text)
	if err == nil && strings.Count(token, ".") != 2 { // the library takes any text
		err = errors.New("it has no user JWT")
	}
	key, err2 := nkeys.ParseDecoratedUserNKey(text)
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("%s is no NATS credentials file (%w); make one: nsc generate creds", i.Creds, err)
	}
	key.Wipe()
	return nats.UserCredentials(i.Creds), nil
}

func (i Identity) nkey() (nats.Option, error) {
	if _, err := os.Stat(i.NKeyFile); err != nil {
		return nil, err
	}
	opt, err := nats.NkeyOptionFromSeed(i.NKeyFile)
	if err != nil {
		return nil, fmt.Errorf("%s has no seed of a user's NKey (%w), a line that begins with SU; make one: nk -gen user", i.NKeyFile, err)
	}
	return opt, nil
}

func (i Identity) roots() (nats.Option, error) {
	text, err := os.ReadFile(i.CA)
	if err != nil {
		return nil, err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in it; give a PEM file with the roots to trust", i.CA)
	}
	return nats.RootCAs(i.CA), nil
}

func (i Identity) cert() (nats.Option, error) {
	if i.Cert == "" || i.Key == "" {
		return nil, errors.New("bus.cert and bus.key go together; give both or none")
	}
	if _, err := tls.LoadX509KeyPair(i.Cert, i.Key); err != nil {
		return nil, fmt.Errorf("%s and %s (bus.key) are no certificate with its key: %w", i.Cert, i.Key, err)
	}
	return nats.ClientCert(i.Cert, i.Key), nil
}
