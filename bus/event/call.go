package event

import (
	"encoding/base64"
	"strconv"
)

// CallStarted says that somebody joined a room that was empty.
type CallStarted struct {
	Room      string `json:"room"`
	Call      string `json:"call"`       // names this call of the room
	StartedAt int64  `json:"started_at"` // unix ms
}

// Topic implements Event.
func (CallStarted) Topic() string { return "call.started" }

// Resource implements Event.
func (e CallStarted) Resource() string { return e.Room }

// Key implements Event.
func (e CallStarted) Key() string { return e.Call }

// CallJoined says that a client joined a call.
type CallJoined struct {
	Room     string `json:"room"`
	Call     string `json:"call"`
	Member   string `json:"member"`    // its socket's id
	Name     string `json:"name"`      // as it says; empty: it did not
	JoinedAt int64  `json:"joined_at"` // unix ms
}

// Topic implements Event.
func (CallJoined) Topic() string { return "call.joined" }

// Resource implements Event.
func (e CallJoined) Resource() string { return e.Room }

// Key implements Event.
func (e CallJoined) Key() string { return lifeKey(e.Call, e.Member, e.JoinedAt) }

// CallLeft says that a client left a call. One that came back in time to the
// place it had did not leave.
type CallLeft struct {
	Room     string `json:"room"`
	Call     string `json:"call"`
	Member   string `json:"member"`
	Name     string `json:"name"`
	JoinedAt int64  `json:"joined_at"` // unix ms
	LeftAt   int64  `json:"left_at"`   // unix ms
	Reason   string `json:"reason"`    // for people: "left", "connection lost"
}

// Topic implements Event.
func (CallLeft) Topic() string { return "call.left" }

// Resource implements Event.
func (e CallLeft) Resource() string { return e.Room }

// Key implements Event.
func (e CallLeft) Key() string { return lifeKey(e.Call, e.Member, e.JoinedAt) }

// CallEnded says that the last one left.
type CallEnded struct {
	Room      string `json:"room"`
	Call      string `json:"call"`
	StartedAt int64  `json:"started_at"` // unix ms
	EndedAt   int64  `json:"ended_at"`   // unix ms
}

// Topic implements Event.
func (CallEnded) Topic() string { return "call.ended" }

// Resource implements Event.
func (e CallEnded) Resource() string { return e.Room }

// Key implements Event.
func (e CallEnded) Key() string { return e.Call }

// lifeKey tells a member from one that joined the same call again with the same
// id, as old clients do.
func lifeKey(call, member string, joined int64) string {
	return MemberKey(call, member) + "-" + strconv.FormatInt(joined, 10)
}

// MemberKey names a member of a call in one token: socket ids of old clients have '/' and '#'.
func MemberKey(call, member string) string {
	return call + "-" + base64.RawURLEncoding.EncodeToString([]byte(member))
}
