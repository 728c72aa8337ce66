package turn

import (
	"net"

	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/turn/auth"
	"github.com/helios-h2020/pse/turn/relay"
)

// limits are how much is relayed for each user and address. They are safe for concurrent use.
type limits struct {
	cfg   Config
	meter *relay.Meter
}

// Names of limits, as their keys of the configuration.
const (
	limitAllocation   = "allocation_bps"
	limitUser         = "user_bps"
	limitGuest        = "guest_bps"
	limitGuestBytes   = "guest_bytes"
	limitAddress      = "guest_address_bps"
	limitAddressBytes = "guest_address_bytes"
	limitTotal        = "total_bps"
)

// open makes the bounds of an allocation; nil: there are none.
func (l *limits) open(account string, from net.Addr) *relay.RateLimiter {
	all := []relay.Bound{
		relay.BitsPerSecond(limitAllocation, "", int64(l.cfg.AllocationBPS)),
		relay.BitsPerSecond(limitUser, account, int64(l.cfg.UserBPS)),
	}
	if _, guest := auth.GuestOf(account); guest {
		at := limit.Counted(addrPort(from).Addr()).String()
		all = append(all,
			relay.BitsPerSecond(limitGuest, account, int64(l.cfg.GuestBPS)),
			relay.BytesPerDay(limitGuestBytes, account, l.cfg.GuestBytes),
			relay.BitsPerSecond(limitAddress, at, int64(l.cfg.GuestAddressBPS)),
			relay.BytesPerDay(limitAddressBytes, at, l.cfg.GuestAddressBytes),
		)
	}
	return l.meter.Open(append(all, relay.BitsPerSecond(limitTotal, "all", int64(l.cfg.TotalBPS)))...)
}

// spent says whether a guest has used up its bytes, or its address has.
func (l *limits) spent(account string, from net.Addr) bool {
	_, guest := auth.GuestOf(account)
	return guest && (l.meter.Spent(limitGuestBytes, account) || l.meter.Spent(limitAddressBytes, limit.Counted(addrPort(from).Addr()).String()))
}
