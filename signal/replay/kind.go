package replay

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/bus"
)

// What a signal is (bus.Signal.Kind). A change of a room stands in the log in this
// order: a welcome, then the joins that tell the others; byes to the others, then a
// mark that no more follows. The ids (bus.Signal.ID) of all but messages and names
// are the kind, the JoinID of the member they are about, and To if that is another.
const (
	KindWelcome            = 'w' // created or joined, to the new member
	KindWelcomeRecoverable = 'W' // the same, to one that may reconnect
	KindJoin               = 'j' // to each of the others
	KindMessage            = 'm'
	KindName               = 'n'
	KindBye                = 'b' // to each member that remains
	KindGone               = 'g' // to nobody: nothing follows about From
)

// JoinID tells one membership of a socket id from others: old clients that join
// again on one connection keep their id. It is when the member joined, in base 36.
func JoinID(m *bus.Member) string { return strconv.FormatInt(m.Joined, 36) }

// joinIDIn is the membership that a signal is about, empty for messages and names.
func joinIDIn(s *bus.Signal) string {
	if s.ID == "" {
		return ""
	}
	switch s.Kind {
	case KindWelcome, KindWelcomeRecoverable, KindGone:
		return s.ID[1:]
	case KindJoin, KindBye:
		return strings.TrimSuffix(s.ID[1:], s.To)
	}
	return ""
}

// isLater reports whether a membership began after another, or after none.
func isLater(joinID, than string) bool {
	return cmp.Or(cmp.Compare(len(joinID), len(than)), cmp.Compare(joinID, than)) > 0
}

// isWelcome reports whether a signal tells a client that it is in the room.
func isWelcome(s *bus.Signal) bool { return s.Kind == KindWelcome || s.Kind == KindWelcomeRecoverable }
