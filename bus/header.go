package bus

import (
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// headerParser reads the numbers of a message's headers; err is the first that did not parse.
type headerParser struct {
	h   nats.Header
	err error
}

func (p *headerParser) int(key string) int64 {
	v, err := strconv.ParseInt(p.h.Get(key), 10, 64)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("header %s: %w", key, err)
	}
	return v
}

func (p *headerParser) uint(key string) uint64 {
	v, err := strconv.ParseUint(p.h.Get(key), 10, 64)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("header %s: %w", key, err)
	}
	return v
}
