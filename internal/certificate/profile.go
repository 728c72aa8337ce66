package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/google/uuid"
	"github.com/micromdm/plist"
)

// ProfileType is the media type of a configuration profile.
const ProfileType = "application/x-apple-aspen-config"

// A profile is what iPhones, iPads and Macs install (Apple's "Configuration
// Profile Reference"): here of one payload, a root.
type profile struct {
	Payload
	Content     []rootPayload `plist:"PayloadContent"`
	Description string        `plist:"PayloadDescription"`
	Removable   bool          `plist:"PayloadRemovalDisallowed"` // false: it is
}

// A Payload is what every payload says of itself.
type Payload struct {
	Type       string `plist:"PayloadType"`
	Version    int    `plist:"PayloadVersion"`
	Identifier string `plist:"PayloadIdentifier"` // what has that of another takes its place
	UUID       string `plist:"PayloadUUID"`
	Name       string `plist:"PayloadDisplayName"`
}

// A rootPayload is a root to be trusted.
type rootPayload struct {
	Payload
	File    string `plist:"PayloadCertificateFileName"`
	Content []byte `plist:"PayloadContent"` // DER
}

// Profile is the root as a configuration profile, which is not signed: a
// device has no reason yet to trust a signature. It is the same for the same root, so that
// installing it twice leaves one.
func (r Root) Profile() ([]byte, error) {
	block, _ := pem.Decode(r.PEM)
	if block == nil {
		return nil, fmt.Errorf("configuration profile: the root is not in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("configuration profile: %w", err)
	}
	payload := func(kind, of string) Payload {
		id := uuid.NewSHA1(uuid.NameSpaceOID, append([]byte(of), cert.Raw...)).String()
		return Payload{Type: kind, Version: 1, Identifier: "pse." + of + "." + id, UUID: id, Name: cert.Subject.CommonName}
	}
	b, err := plist.MarshalIndent(profile{
		Payload: payload("Configuration", "profile"), Description: "Has this device trust the box, once it is turned on in Certificate Trust Settings.",
		Content: []rootPayload{{Payload: payload("com.apple.security.root", "root"), File: "pse.cer", Content: cert.Raw}},
	}, "  ")
	if err != nil {
		return nil, fmt.Errorf("configuration profile: %w", err)
	}
	return b, nil
}
