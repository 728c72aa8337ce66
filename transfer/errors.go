package transfer

import (
	"errors"
	"net/http"
	"syscall"
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
	errNotFound  = &refusal{http.StatusNotFound, "not_found", "there is no such file, or no longer; ask for a new link"}
	errBusy      = &refusal{http.StatusLocked, "locked", "somebody else sends to this upload; try again in a moment"}
	errCutShort  = &refusal{http.StatusLocked, "upload_interrupted", "another request for this upload has come; ask how far it is, and go on from there"}
	errFull      = &refusal{http.StatusInsufficientStorage, "disk_full", "the disk is full; what was acknowledged is kept, try again when there is room"}
	errQuota     = &refusal{http.StatusRequestEntityTooLarge, "quota", "the quota is used up; delete files, or send a smaller one"}
	errTooMany   = &refusal{http.StatusRequestEntityTooLarge, "too_many", "there are too many files; delete some"}
	errTooLarge  = &refusal{http.StatusRequestEntityTooLarge, "too_large", "the file is larger than one may be; send a smaller one"}
	errChecksum  = &refusal{statusChecksum, "checksum", "the checksum does not match; send these bytes again from the same offset"}
	errAlgorithm = &refusal{http.StatusBadRequest, "checksum_algorithm", "Upload-Checksum is not \"sha1|sha256|crc32c BASE64\"; see Tus-Checksum-Algorithm"}
	errGrowing   = &refusal{http.StatusConflict, "incomplete", "the upload still runs; ask again when it is complete, or, where files can be followed, without follow=0"}
	errNoKey     = &refusal{http.StatusUnauthorized, "no_key", "sending needs a key: Authorization: Bearer KEY, or ?key=KEY; `pse stream keys` shows the keys"}
	errWrongKey  = &refusal{http.StatusForbidden, "wrong_key", "this key does not do; copy it again, `pse stream keys` shows the keys"}
	errIsPart    = &refusal{http.StatusForbidden, "part", "this is a part, which nobody reads; links are made to the whole"}
	errLinks     = &refusal{http.StatusForbidden, "too_many_links", "there are as many links to this file as one may have; take some back"}
	errRevoked   = &refusal{http.StatusForbidden, "revoked", "the key that this upload was made with is revoked; begin anew with another one"}
	errNoOwner   = &refusal{http.StatusUnauthorized, "no_owner", "nobody's files are listed; say whose by Authorization: Bearer TOKEN, a random one of at least 16 letters that was sent along with them"}
	errReadOnly  = &refusal{http.StatusForbidden, "read_only", "this link is for reading; use the upload's own URL"}
	errCorrupt   = &refusal{http.StatusInternalServerError, "corrupt", "the file is damaged on the disk; ask its owner to send it again"}
	errUnchecked = &refusal{http.StatusServiceUnavailable, "unchecked", "whoever is to look at this has not answered; try again in a while"}
	errNoRoom    = &refusal{http.StatusInsufficientStorage, "disk_full", "the file is larger than the room that is left; send a smaller one, or make room first"}
	errUnwritten = &refusal{http.StatusInsufficientStorage, "disk_read_only", "the disk cannot be written to now; what was acknowledged is kept, its owner must look after it"}
	errPart      = &refusal{http.StatusGone, "part_damaged", "a part is damaged on the disk; make a new one of its bytes"}
	errAway      = &refusal{http.StatusServiceUnavailable, "store_away", "the store of files does not do its work at the moment; what was acknowledged is kept, try again in a while"}
	errStorage   = &refusal{http.StatusInternalServerError, "storage", "the store failed; see the log of the server"}
	errLink      = &refusal{http.StatusBadRequest, "bad_link", "the lifetime of a link is seconds, 0 for ever; send {\"expires_in\": 86400}"}
	errHeader    = &refusal{http.StatusBadRequest, "bad_header", "the metadata is too large or not text; send at most 8 KiB"}
)

var (
	// errHeld says that another process writes to the upload.
	errHeld = errors.New("another worker has the upload")
	// errNoInfo says that an upload's metadata cannot be read in any copy.
	errNoInfo = errors.New("the metadata of the upload is damaged")
)

// diskError makes a refusal of what the disk said.
func diskError(err error) error {
	switch {
	case isFull(err):
		return errFull
	case errors.Is(err, syscall.EROFS):
		return errUnwritten
	}
	return err
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
