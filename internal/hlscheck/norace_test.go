//go:build !race

package hlscheck

import "testing"

// apart is for the race detector.
func apart(*testing.T) bool { return false }
