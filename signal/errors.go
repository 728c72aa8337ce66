package signal

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/socketio"
)

var (
	errFull    = errors.New("the room is full")
	errTwice   = errors.New("in the room already") // an old client that left and joined again on one connection keeps its id
	errGone    = errors.New("no longer in the room")
	errStopped = errors.New("the worker stops")
	errNotTold = errors.New("the call ended, which is not told yet")
)

// ghostError says that an old app that joins was in the room before: the member whose
// connection broke at its address. It cannot come back to that place.
type ghostError struct{ m bus.Member }

// Error implements error.
func (g *ghostError) Error() string { return "in the room as one that is away: " + g.m.SID }

// refusedRoom is what a client reads that connects to no room: io(url) alone, most likely.
var refusedRoom = refusal("room", fmt.Sprintf(`No room has this name. A room is a namespace: connect as io("https://HOST/ROOM"), ROOM of up to %d letters, digits and '_'.`, maxRoomName))

// refusal is a CONNECT_ERROR with a code for pages and a text for people.
func refusal(code, text string) *socketio.Refusal {
	data, _ := json.Marshal(map[string]string{"code": code}) // strings: cannot fail
	return &socketio.Refusal{Message: text, Data: data}
}
