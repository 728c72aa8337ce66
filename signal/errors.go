package signal

import (
	"encoding/json"
	"errors"

	"github.com/helios-h2020/pse/signal/socketio"
)

var (
	errFull    = errors.New("the room is full")
	errTwice   = errors.New("in the room already") // an old client that left and joined again on one connection keeps its id
	errGone    = errors.New("no longer in the room")
	errStopped = errors.New("the worker stops")
	errNotTold = errors.New("the call ended, which is not told yet")
)

// refusal is a CONNECT_ERROR with a code for pages and a text for people.
func refusal(code, text string) *socketio.Refusal {
	data, _ := json.Marshal(map[string]string{"code": code}) // strings: cannot fail
	return &socketio.Refusal{Message: text, Data: data}
}
