package transfer

import (
	"errors"
	"strconv"
	"strings"
)

// errRange says that the file has no byte of a range.
var errRange = errors.New("range not satisfiable")

// parseRange reads a Range header with one range (RFC 9110 section 14.1.2) of a file of
// size bytes: the offset of its first byte and the one after its last. ok is false when
// there is none, several, or one that is malformed: it is ignored then.
func parseRange(header string, size int64) (from, to int64, ok bool, err error) {
	spec, found := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !found || !dash || strings.Contains(spec, ",") {
		return 0, 0, false, nil
	}
	first, last = strings.TrimSpace(first), strings.TrimSpace(last)
	if first == "" {
		n, err := parseDigits(last)
		if err != nil {
			return 0, 0, false, nil
		}
		if n == 0 || size == 0 {
			return 0, 0, false, errRange
		}
		return max(0, size-n), size, true, nil
	}
	from, err = parseDigits(first)
	if err != nil {
		return 0, 0, false, nil
	}
	to = size
	if last != "" {
		n, err := parseDigits(last)
		if err != nil || n < from {
			return 0, 0, false, nil
		}
		to = min(size, n+1)
	}
	if from >= size {
		return 0, 0, false, errRange
	}
	return from, to, true, nil
}

func parseDigits(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 62)
	return int64(n), err
}
