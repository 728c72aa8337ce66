package storetest

import (
	"fmt"
	"math/rand/v2"
)

// Random gives bytes that are the same for the same seed.
func Random(seed uint64, n int) []byte {
	b := make([]byte, n)
	var key [32]byte
	copy(key[:], fmt.Sprint("seed ", seed))
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return b
}
