package certificate

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"regexp"
	"testing"
	"time"

	"howett.net/plist"
)

// Another's parser finds in a profile what Apple's devices look for.
func TestProfileHoldsTheRoot(t *testing.T) {
	b := newBox(t, t.TempDir(), "box.local")
	root := b.Root()
	text, err := root.Profile()
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if format, err := plist.Unmarshal(text, &p); err != nil || format != plist.XMLFormat {
		t.Fatalf("format %d, %v:\n%s", format, err, text)
	}
	block, _ := pem.Decode(root.PEM)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	content, _ := p["PayloadContent"].([]any)
	if len(content) != 1 {
		t.Fatalf("payloads: %v", p["PayloadContent"])
	}
	inner, _ := content[0].(map[string]any)
	if der, _ := inner["PayloadContent"].([]byte); !bytes.Equal(der, cert.Raw) {
		t.Error("the root in it is another")
	}
	for what, got := range map[string][2]any{
		"kind":               {p["PayloadType"], "Configuration"},
		"version":            {p["PayloadVersion"], uint64(1)},
		"name":               {p["PayloadDisplayName"], cert.Subject.CommonName},
		"removal is refused": {p["PayloadRemovalDisallowed"], false},
		"kind of the root":   {inner["PayloadType"], "com.apple.security.root"},
		"version of it":      {inner["PayloadVersion"], uint64(1)},
		"name of it":         {inner["PayloadDisplayName"], cert.Subject.CommonName},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", what, got[0], got[1])
		}
	}
	id := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	outer, _ := p["PayloadUUID"].(string)
	within, _ := inner["PayloadUUID"].(string)
	if !id.MatchString(outer) || !id.MatchString(within) || outer == within || p["PayloadIdentifier"] == inner["PayloadIdentifier"] {
		t.Errorf("UUIDs %q and %q, identifiers %v and %v", outer, within, p["PayloadIdentifier"], inner["PayloadIdentifier"])
	}
	if again, err := b.Root().Profile(); err != nil || !bytes.Equal(again, text) {
		t.Errorf("the same root makes another profile: %v", err)
	}
	if other, err := newBoxAt(t, t.TempDir(), time.Now()).Root().Profile(); err != nil || bytes.Contains(other, []byte(outer)) {
		t.Errorf("another root has the same UUID: %v", err)
	}
}
