package transfer

import (
	"errors"
	"net/http"

	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
	"github.com/helios-h2020/pse/transfer/quota"
)

// A statusError is an answer that is not 2xx, of tusd's handler and our own alike.
type statusError struct {
	status int
	code   string // for programs
	text   string // for people; it ends with what to do next
}

// Error implements error.
func (e *statusError) Error() string { return e.text }

// codeRefused is the code when an integrator does not want an upload.
const codeRefused = "refused"

// refused is the answer when an integrator does not want an upload, for a reason.
func refused(reason string) *statusError {
	return &statusError{http.StatusForbidden, codeRefused, reason}
}

// unchecked is errUnchecked with another text.
func unchecked(text string) *statusError {
	return &statusError{errUnchecked.status, errUnchecked.code, text}
}

// statusChecksum is tus' status for a wrong checksum (460 Checksum Mismatch).
const statusChecksum = 460

var (
	errCutShort  = &statusError{http.StatusLocked, "upload_interrupted", "another request for this upload has come; ask how far it is, and go on from there"}
	errQuota     = &statusError{http.StatusRequestEntityTooLarge, "quota", quota.ErrUsedUp.Error()}
	errTooMany   = &statusError{http.StatusRequestEntityTooLarge, "too_many", quota.ErrTooMany.Error()}
	errTooLarge  = &statusError{http.StatusRequestEntityTooLarge, "too_large", quota.ErrTooLarge.Error()}
	errNoKey     = &statusError{http.StatusUnauthorized, "no_key", "sending needs a key: Authorization: Bearer KEY, or ?key=KEY; `pse stream keys` shows the keys"}
	errWrongKey  = &statusError{http.StatusForbidden, "wrong_key", "this key does not do; copy it again, `pse stream keys` shows the keys"}
	errIsPart    = &statusError{http.StatusForbidden, "part", "this is a part, which nobody reads; links are made to the whole"}
	errRevoked   = &statusError{http.StatusForbidden, "revoked", "the key that this upload was made with is revoked; begin anew with another one"}
	errNoOwner   = &statusError{http.StatusUnauthorized, "no_owner", "nobody's files are listed; say whose by Authorization: Bearer TOKEN, a random one of at least 16 letters that was sent along with them"}
	errReadOnly  = &statusError{http.StatusForbidden, "read_only", "this link is for reading; use the upload's own URL"}
	errUnchecked = &statusError{http.StatusServiceUnavailable, "unchecked", filehook.ErrNoVerdict.Error()}
	errPart      = &statusError{http.StatusGone, "part_damaged", "a part is damaged on the disk; make a new one of its bytes"}
	errLength    = &statusError{http.StatusBadRequest, "inconsistent_length", "this is not as much as is left of the upload, though it is said to be all; ask how far it is, and send the rest"}
	errLink      = &statusError{http.StatusBadRequest, "bad_link", "the lifetime of a link is seconds, 0 for ever; send {\"expires_in\": 86400}"}
	errPage      = &statusError{http.StatusBadRequest, "bad_page", "a page of the list is ?limit=1 to 1000 files, &after= what the page before has as next, &wait=1 to 25 seconds"}
	errHeader    = &statusError{http.StatusBadRequest, "bad_header", "the metadata is too large or not text; send at most 8 KiB"}
)

// errFailed answers errors that have no answer of their own; the log has the details.
var errFailed = &statusError{http.StatusInternalServerError, "storage", store.ErrFailed.Error()}

// answers are those to the errors of the packages below.
var answers = []struct {
	err    error
	answer *statusError
}{
	{quota.ErrUsedUp, errQuota},
	{quota.ErrTooMany, errTooMany},
	{quota.ErrTooLarge, errTooLarge},
	{filehook.ErrNoVerdict, errUnchecked},
	{store.ErrNotFound, &statusError{http.StatusNotFound, "not_found", store.ErrNotFound.Error()}},
	{store.ErrBusy, &statusError{http.StatusLocked, "locked", store.ErrBusy.Error()}},
	{store.ErrFull, &statusError{http.StatusInsufficientStorage, "disk_full", store.ErrFull.Error()}},
	{store.ErrNoRoom, &statusError{http.StatusInsufficientStorage, "disk_full", store.ErrNoRoom.Error()}},
	{store.ErrReadOnly, &statusError{http.StatusInsufficientStorage, "disk_read_only", store.ErrReadOnly.Error()}},
	{store.ErrChecksum, &statusError{statusChecksum, "checksum", store.ErrChecksum.Error()}},
	{store.ErrAlgorithm, &statusError{http.StatusBadRequest, "checksum_algorithm", "Upload-Checksum is not \"sha1|sha256|crc32c BASE64\"; see Tus-Checksum-Algorithm"}},
	{store.ErrGrowing, &statusError{http.StatusConflict, "incomplete", "the upload still runs; ask again when it is complete, or, where files can be followed, without follow=0"}},
	{store.ErrLost, &statusError{http.StatusConflict, "lost", store.ErrLost.Error()}}, // on which clients ask for the offset
	{store.ErrCorrupt, &statusError{http.StatusInternalServerError, "corrupt", store.ErrCorrupt.Error()}},
	{store.ErrLinks, &statusError{http.StatusForbidden, "too_many_links", store.ErrLinks.Error()}},
	{store.ErrAway, &statusError{http.StatusServiceUnavailable, "store_away", store.ErrAway.Error()}},
}

// asStatusError is the answer to an error.
func asStatusError(err error) *statusError {
	var r *statusError
	if errors.As(err, &r) {
		return r
	}
	var refusal *filehook.Refusal
	if errors.As(err, &refusal) {
		return &statusError{refusal.Status, codeRefused, refusal.Text}
	}
	for _, e := range answers {
		if errors.Is(err, e.err) {
			return e.answer
		}
	}
	return errFailed
}
