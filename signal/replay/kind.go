package replay

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/helios-h2020/pse/bus"
)

// What a signal is (bus.Signal.Kind). A change of a room stands in the log in this
// order: a welcome, then the joins that tell the others; byes to the others, then a
// mark that no more follows. The ids (bus.Signal.ID) of welcomes, joins, byes and
// these marks are the kind, the JoinID of the member they are about, and To if that
// is another. That of a line is LineID.
const (
	KindWelcome            = 'w' // created or joined, to the new member
	KindWelcomeRecoverable = 'W' // the same, to one that may reconnect
	KindJoin               = 'j' // to each of the others
	KindMessage            = 'm'
	KindName               = 'n'
	KindLine               = 'l' // to each of the others that is modern: its connection broke, or is whole again
	KindHeard              = 'h' // about To, which is away: From gets its picture or sound
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

// LineID is the id of a signal that tells of a member's connection: with the revision
// of the room's record that has it, since several workers may tell of one member, and
// what is older is no news.
func LineID(revision uint64, to string) string {
	return "l" + strconv.FormatUint(revision, 36) + "." + to
}

// lineIn is the revision in a LineID.
func lineIn(s *bus.Signal) uint64 {
	revision, _, _ := strings.Cut(strings.TrimPrefix(s.ID, "l"), ".")
	n, _ := strconv.ParseUint(revision, 36, 64) // ours
	return n
}

// isLater reports whether a membership began after another, or after none.
func isLater(joinID, than string) bool {
	return cmp.Or(cmp.Compare(len(joinID), len(than)), cmp.Compare(joinID, than)) > 0
}

// isWelcome reports whether a signal tells a client that it is in the room.
func isWelcome(s *bus.Signal) bool { return s.Kind == KindWelcome || s.Kind == KindWelcomeRecoverable }
