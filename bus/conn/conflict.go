package conn

import (
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A log with replicas says by other codes than a single one why it did not
// store, and the library knows only some of them.

// conflictCodes say that a subject's last message is another than expected: of
// a single log and of one with replicas. Nothing was stored.
var conflictCodes = []jetstream.ErrorCode{jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant}

// busyCodes say that a log with replicas does not know yet: the same message,
// or one of the same subject, is just on its way into it.
var busyCodes = []jetstream.ErrorCode{
	10158, // a message of that id is being stored
	10163, // the subject's last message is not known yet
	10167, // too many requests
}

// ReplicaLag is the time between two tries to read from a replica what another has
// already: any of them answers.
const ReplicaLag = 5 * time.Millisecond

// Conflict reports that a record had another revision than expected, or that
// there was one where none was.
func Conflict(err error) bool {
	return errors.Is(err, jetstream.ErrKeyRevisionMismatch) || hasCode(err, conflictCodes)
}

// Busy reports that it is soon worth another try.
func Busy(err error) bool { return hasCode(err, busyCodes) }

func hasCode(err error, codes []jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode)
}

// isAPI reports that it was JetStream that said no.
func isAPI(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api)
}
