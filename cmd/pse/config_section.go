package main

import (
	"errors"
	"fmt"
	"net"
)

// section puts a section's name in front of each of its errors.
func section(name string, errs ...error) error {
	var all []error
	for _, err := range errs {
		if err != nil {
			all = append(all, fmt.Errorf("%s.%w", name, err))
		}
	}
	return errors.Join(all...)
}

// address is the error of a key that is to have a place to listen or to dial, nil if it has.
func address(key, value string) error {
	if _, _, err := net.SplitHostPort(value); err != nil {
		return fmt.Errorf("%s is %q; write host:port, or :port for all addresses", key, value)
	}
	return nil
}
