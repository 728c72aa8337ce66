package filehook

import "errors"

// ErrNoVerdict says that a pre- hook said neither yes nor no.
var ErrNoVerdict = errors.New("whoever is to look at this has not answered; try again in a while")

// A Refusal is a hook's veto.
type Refusal struct {
	Status int    // for the answer, as the hook or tusd has it: an HTTP status from 400 to 599
	Text   string // for people
}

// Error implements error.
func (r *Refusal) Error() string { return r.Text }
