package conn

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
)

// An alert of TLS may come before or after the library has noticed it as one.
func TestAlertIsExplained(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	cert, key := certificatetest.Write(t, t.TempDir(), 1)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	server := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert})
	go func() { _ = server.Handshake(); _ = there.Close() }()
	client := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
	_, err = client.Read(make([]byte, 1)) // with TLS 1.3 the refusal comes after the client's handshake
	if why := (adviser{}).explain(err); !strings.Contains(why.Error(), "bus.cert") {
		t.Errorf("%v", why)
	}
}
