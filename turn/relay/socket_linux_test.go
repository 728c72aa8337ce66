package relay

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// A port that somebody else has costs no file.
func TestOpenFailsCleanly(t *testing.T) {
	fd, at, err := openUDP(netip.MustParseAddrPort("127.0.0.1:0"), false, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	before := files(t)
	for range 50 {
		if _, _, err := openUDP(at, false, 0); err == nil {
			t.Fatal("a port was taken twice")
		}
	}
	if after := files(t); after > before+10 { // of other tests
		t.Errorf("%d files, before %d", after, before)
	}
}
