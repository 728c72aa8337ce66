package transcode

import "syscall"

// procAttr puts a child into a process group of its own and lets it die with
// the thread that starts it, which must live as long as the child.
func procAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
