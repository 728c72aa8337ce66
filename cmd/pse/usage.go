package main

import "fmt"

// A usageError is one that the writer of the command line can mend.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
