package folder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// The journal says how many bytes of the data count, and their checksums. It is a list of
// records: the data was written up to this offset, and this is the CRC32C of its last
// block up to there. A block that grows in several steps has several records. Records are
// only appended; bytes up to the last whole record's end were acknowledged.
const (
	blockSize  = 64 << 10
	recordSize = 16 // end of the data (8 bytes), its block's CRC32C (4), CRC32C of these twelve (4); big-endian
)

// castagnoli is the polynomial of CRC32C, for which processors have an instruction.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// record is one entry of a journal.
type record struct {
	end int64  // bytes of data
	crc uint32 // of the data from the beginning of the block that end is in (or is the end of) to end
}

// begin is the offset of the record's block.
func (r record) begin() int64 { return (r.end - 1) / blockSize * blockSize }

func appendRecord(b []byte, r record) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(r.end))
	b = binary.BigEndian.AppendUint32(b, r.crc)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[len(b)-12:], castagnoli()))
}

// parseRecord reads a record; false: its checksum is wrong.
func parseRecord(b []byte) (record, bool) {
	if len(b) < recordSize || binary.BigEndian.Uint32(b[12:]) != crc32.Checksum(b[:12], castagnoli()) {
		return record{}, false
	}
	r := record{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])}
	return r, r.end > 0
}

// follows says whether r may come after p: it ends later, and skips no block.
func (r record) follows(p record) bool {
	return r.end > p.end && r.begin() == p.end/blockSize*blockSize
}

// lastRecord reads the last record of a journal, and its length in bytes. good is false
// when the journal does not end with a whole record.
func lastRecord(f *os.File) (last record, length int64, good bool, err error) {
	s, err := f.Stat()
	if err != nil {
		return last, 0, false, fmt.Errorf("read a journal: %w", err)
	}
	length = s.Size()
	if length == 0 {
		return last, 0, true, nil
	}
	if length%recordSize != 0 {
		return last, length, false, nil
	}
	var b [recordSize]byte
	if _, err := f.ReadAt(b[:], length-recordSize); err != nil {
		return last, length, false, fmt.Errorf("read a journal: %w", err)
	}
	last, good = parseRecord(b[:])
	return last, length, good, nil
}

// eachRecord calls f with each record of a journal, until f returns false or a record is
// damaged or does not follow the one before. good is how many bytes were read until then.
func eachRecord(r io.Reader, f func(record) bool) (good int64, err error) {
	var last record
	buf := make([]byte, 1024*recordSize)
	for {
		n, err := io.ReadFull(r, buf)
		for b := buf[:n]; len(b) >= recordSize; b = b[recordSize:] {
			rec, ok := parseRecord(b)
			if !ok || !rec.follows(last) || !f(rec) {
				return good, nil
			}
			last, good = rec, good+recordSize
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return good, nil
		case err != nil:
			return good, fmt.Errorf("read a journal: %w", err)
		}
	}
}
