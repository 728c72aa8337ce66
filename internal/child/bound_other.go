//go:build !linux

package child

import "syscall"

// attributes put a child into a group of its own. Only Linux lets it die with us.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func standBack(int) {}

func bound(int, Limits) error { return nil }

func awaitExit(int) bool { return false }
