package auth

import (
	"net/netip"
	"strings"
)

// LongestUser bounds the names of users, bytes.
const LongestUser = 300

// guestMark begins the accounts of users whose credentials we made: anybody
// who opens the page of a call gets some, so they have limits of their own.
// Those of the owner's file and secrets have the other limits alone.
const guestMark = "\x00"

// sharedMark begins the accounts of users of the file, and ends the address in them: the
// phones of HELIOS all have one fixed user, so a person is who comes from one address.
const sharedMark = "\x01"

// shared is the account of a user of the file who comes from an address.
func shared(user string, at netip.Addr) string { return sharedMark + at.String() + sharedMark + user }

// GuestOf is the user of an account, and whether it is a guest's, one with
// credentials that we made.
func GuestOf(account string) (user string, guest bool) {
	if rest, ok := strings.CutPrefix(account, sharedMark); ok {
		_, user, _ = strings.Cut(rest, sharedMark)
		return user, false
	}
	return strings.CutPrefix(account, guestMark)
}
