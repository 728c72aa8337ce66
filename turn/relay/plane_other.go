//go:build !linux

package relay

import (
	"net/netip"

	"github.com/pion/turn/v5"
)

// Plane does not exist on this system.
type Plane struct{}

// New returns ErrUnsupported.
func New(Config) (*Plane, error) { return nil, ErrUnsupported }

// PacketConns returns nil.
func (p *Plane) PacketConns(turn.PermissionHandler) []turn.PacketConnConfig { return nil }

// Generator returns nil.
func (p *Plane) Generator() turn.RelayAddressGenerator { return nil }

// Events returns next.
func (p *Plane) Events(next turn.EventHandler) turn.EventHandler { return next }

// Addrs returns nil.
func (p *Plane) Addrs() []netip.AddrPort { return nil }

// Stats returns zeros.
func (p *Plane) Stats() Stats { return Stats{} }

// Usage knows no allocation.
func (p *Plane) Usage(netip.AddrPort) (Usage, bool) { return Usage{}, false }

// Usages knows no allocation.
func (p *Plane) Usages() []Usage { return nil }

// End ends nothing.
func (p *Plane) End(netip.AddrPort) bool { return false }

// Close does nothing.
func (p *Plane) Close() error { return nil }
