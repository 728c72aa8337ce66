package hls

// maxDigits bounds the numbers of directives and paths, well within 64 bits.
const maxDigits = 18

// parseNumber reads decimal digits and nothing else.
func parseNumber(s string) (uint64, bool) {
	if s == "" || len(s) > maxDigits {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, true
}
