package auth

import "strings"

// LongestUser bounds the names of users, bytes.
const LongestUser = 300

// guestMark begins the accounts of users whose credentials we made: anybody
// who opens the page of a call gets some, so they have limits of their own.
// Those of the owner's file and secrets have the other limits alone.
const guestMark = "\x00"

// GuestOf is the user of a guest's account, one with credentials that we made;
// else the account is the user.
func GuestOf(account string) (user string, guest bool) { return strings.CutPrefix(account, guestMark) }
