package store

import (
	"errors"
	"syscall"
)

// Errors of a store, wrapped with what was attempted. The texts are for people; servers
// of a protocol map the errors to its statuses.
var (
	// ErrNotFound says that there is no such upload, file or link.
	ErrNotFound = errors.New("there is no such file, or no longer; ask for a new link")
	// ErrBusy says that another request writes to the upload.
	ErrBusy = errors.New("somebody else sends to this upload; try again in a moment")
	// ErrHeld says that another process writes to the upload.
	ErrHeld = errors.New("another worker has the upload")
	// ErrFull says that the disk is full, or has as little room left as it is to have.
	ErrFull = errors.New("the disk is full; what was acknowledged is kept, try again when there is room")
	// ErrNoRoom says that a new upload is larger than the room that is left.
	ErrNoRoom = errors.New("the file is larger than the room that is left; send a smaller one, or make room first")
	// ErrReadOnly says that the disk is mounted read-only.
	ErrReadOnly = errors.New("the disk cannot be written to now; what was acknowledged is kept, its owner must look after it")
	// ErrChecksum says that bytes do not have the checksum that they were sent with.
	ErrChecksum = errors.New("the checksum does not match; send these bytes again from the same offset")
	// ErrAlgorithm says that a checksum cannot be read.
	ErrAlgorithm = errors.New("the checksum is not \"sha1|sha256|crc32c BASE64\"")
	// ErrGrowing says that an upload cannot be read before it is complete.
	ErrGrowing = errors.New("the upload still runs; ask again when it is complete")
	// ErrCorrupt says that a complete file is damaged.
	ErrCorrupt = errors.New("the file is damaged on the disk; ask its owner to send it again")
	// ErrLost says that bytes of an upload that had counted are gone: it goes on before them.
	ErrLost = errors.New("the store has lost bytes of this upload that were sent; ask how far it is, and send them again")
	// ErrNoInfo says that an upload's metadata cannot be read in any copy.
	ErrNoInfo = errors.New("the metadata of the upload is damaged")
	// ErrLinks says that an upload has as many links as it may have (maxLinks).
	ErrLinks = errors.New("there are as many links to this file as one may have; take some back")
	// ErrAway says that the server of a bucket does not answer, or with errors.
	ErrAway = errors.New("the store of files does not do its work at the moment; what was acknowledged is kept, try again in a while")
	// ErrFailed says that the store failed in some other way.
	ErrFailed = errors.New("the store failed; see the log of the server")
)

// DiskError maps ENOSPC and EDQUOT to ErrFull, EROFS to ErrReadOnly; others stay.
func DiskError(err error) error {
	switch {
	case IsFull(err):
		return ErrFull
	case errors.Is(err, syscall.EROFS):
		return ErrReadOnly
	}
	return err
}

// IsFull says whether an error is ENOSPC or EDQUOT.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
