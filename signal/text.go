package signal

import (
	"encoding/json"

	"github.com/helios-h2020/pse/signal/socketio"
)

// text is a JSON string's text, empty if j is something else.
func text(j json.RawMessage) string {
	s, _ := socketio.Text(j)
	return s
}

// quote makes JSON of a string.
func quote(s string) json.RawMessage { return socketio.Quote(s) }
