//go:build !linux

package socket

func boundUnsent(uintptr) {}
