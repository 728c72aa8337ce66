//go:build !linux

package transcode

import "syscall"

// procAttr puts a child into a process group of its own. Only Linux lets it die with us.
func procAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
