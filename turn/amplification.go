package turn

import (
	"sync"
	"time"
)

// amplificationLimiter keeps the relay from being an amplifier: over UDP, where
// senders may be made up, no more bytes are answered without credentials than
// came in, but for an allowance that newcomers need.
type amplificationLimiter struct {
	mu     sync.Mutex // guards what follows
	bytes  float64
	filled time.Time
}

// The allowance: about 100 newcomers a second, and some at once. Answers are
// charged with more than they are, so that in a flood that lasts less goes out
// than comes in, the allowance included.
const (
	overheadFactor = 1.5
	allowance      = 16 << 10 // bytes a second
	allowanceBurst = 64 << 10
	longestRefusal = 160 // bytes of an answer, at most
)

func newAmplificationLimiter() *amplificationLimiter {
	return &amplificationLimiter{bytes: allowanceBurst, filled: time.Now()}
}

// received notes a message and says whether its sender may be answered.
func (b *amplificationLimiter) received(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.bytes = min(allowanceBurst, b.bytes+float64(n)+now.Sub(b.filled).Seconds()*allowance)
	b.filled = now
	return b.bytes >= longestRefusal
}

// answered notes an answer.
func (b *amplificationLimiter) answered(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= overheadFactor * float64(n)
}

// proven notes a client that has what it was answered: its address is not made
// up, and the answer was no amplification.
func (b *amplificationLimiter) proven() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes = min(allowanceBurst, b.bytes+overheadFactor*longestRefusal)
}
