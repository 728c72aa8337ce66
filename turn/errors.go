package turn

import "errors"

var (
	errDraining  = errors.New("the relay stops; ask another one")
	errQuota     = errors.New("the quota of allocations is used up")
	errNoPort    = errors.New("no port of the relay's range is free; widen turn.min_port to turn.max_port")
	errNoFamily  = errors.New("the relay has no address of this family; set turn.relay_ips")
	errForbidden = errors.New("the relay does not go to this peer")
	errClosed    = errors.New("the listener is closed")
)
