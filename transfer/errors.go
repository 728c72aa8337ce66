package transfer

import (
	"errors"
	"net/http"

	"github.com/helios-h2020/pse/store"
)

// A refusal is an answer other than success, for the protocol's library or our
// own handlers alike.
type refusal struct {
	status int
	code   string // a token for programs
	text   string // for people; ends with what to do next
}

func (r *refusal) Error() string { return r.text }

// codeRefused is the code of a refusal by who was asked about an upload.
const codeRefused = "refused"

// statusChecksum is what tus has for a wrong checksum.
const statusChecksum = 460

var (
	errCutShort  = &refusal{http.StatusLocked, "upload_interrupted", "another request for this upload has come; ask how far it is, and go on from there"}
	errQuota     = &refusal{http.StatusRequestEntityTooLarge, "quota", "the quota is used up; delete files, or send a smaller one"}
	errTooMany   = &refusal{http.StatusRequestEntityTooLarge, "too_many", "there are too many files; delete some"}
	errTooLarge  = &refusal{http.StatusRequestEntityTooLarge, "too_large", "the file is larger than one may be; send a smaller one"}
	errNoKey     = &refusal{http.StatusUnauthorized, "no_key", "sending needs a key: Authorization: Bearer KEY, or ?key=KEY; `pse stream keys` shows the keys"}
	errWrongKey  = &refusal{http.StatusForbidden, "wrong_key", "this key does not do; copy it again, `pse stream keys` shows the keys"}
	errIsPart    = &refusal{http.StatusForbidden, "part", "this is a part, which nobody reads; links are made to the whole"}
	errRevoked   = &refusal{http.StatusForbidden, "revoked", "the key that this upload was made with is revoked; begin anew with another one"}
	errNoOwner   = &refusal{http.StatusUnauthorized, "no_owner", "nobody's files are listed; say whose by Authorization: Bearer TOKEN, a random one of at least 16 letters that was sent along with them"}
	errReadOnly  = &refusal{http.StatusForbidden, "read_only", "this link is for reading; use the upload's own URL"}
	errUnchecked = &refusal{http.StatusServiceUnavailable, "unchecked", "whoever is to look at this has not answered; try again in a while"}
	errPart      = &refusal{http.StatusGone, "part_damaged", "a part is damaged on the disk; make a new one of its bytes"}
	errLink      = &refusal{http.StatusBadRequest, "bad_link", "the lifetime of a link is seconds, 0 for ever; send {\"expires_in\": 86400}"}
	errHeader    = &refusal{http.StatusBadRequest, "bad_header", "the metadata is too large or not text; send at most 8 KiB"}
)

// errFailed answers all that nothing else is said of: what there is to know of it is
// in the log.
var errFailed = &refusal{http.StatusInternalServerError, "storage", store.ErrFailed.Error()}

// storeErrors are the answers to the errors of a store.
var storeErrors = []struct {
	err    error
	answer *refusal
}{
	{store.ErrNotFound, &refusal{http.StatusNotFound, "not_found", store.ErrNotFound.Error()}},
	{store.ErrBusy, &refusal{http.StatusLocked, "locked", store.ErrBusy.Error()}},
	{store.ErrFull, &refusal{http.StatusInsufficientStorage, "disk_full", store.ErrFull.Error()}},
	{store.ErrNoRoom, &refusal{http.StatusInsufficientStorage, "disk_full", store.ErrNoRoom.Error()}},
	{store.ErrReadOnly, &refusal{http.StatusInsufficientStorage, "disk_read_only", store.ErrReadOnly.Error()}},
	{store.ErrChecksum, &refusal{statusChecksum, "checksum", store.ErrChecksum.Error()}},
	{store.ErrAlgorithm, &refusal{http.StatusBadRequest, "checksum_algorithm", "Upload-Checksum is not \"sha1|sha256|crc32c BASE64\"; see Tus-Checksum-Algorithm"}},
	{store.ErrGrowing, &refusal{http.StatusConflict, "incomplete", "the upload still runs; ask again when it is complete, or, where files can be followed, without follow=0"}},
	{store.ErrCorrupt, &refusal{http.StatusInternalServerError, "corrupt", store.ErrCorrupt.Error()}},
	{store.ErrLinks, &refusal{http.StatusForbidden, "too_many_links", store.ErrLinks.Error()}},
	{store.ErrAway, &refusal{http.StatusServiceUnavailable, "store_away", store.ErrAway.Error()}},
}

// asRefusal is what is answered to an error.
func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	for _, e := range storeErrors {
		if errors.Is(err, e.err) {
			return e.answer
		}
	}
	return errFailed
}
