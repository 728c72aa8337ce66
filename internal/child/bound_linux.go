package child

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// oomScore makes the kernel, out of memory, end a child before us and most others.
const oomScore = "500"

// attributes put a child into a group of its own, and let it die with the
// thread that starts it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// standBack gives this thread what its child inherits: a priority that is not
// above nice, and no way to more rights.
func standBack(nice int) {
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) // kernels before 3.5 cannot
	if raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil && 20-raw < nice {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, nice) // to stand back needs no right
	}
}

// bound sets the limits of a running child. What is bounded more already stays so.
func bound(pid int, l Limits) error {
	type limit struct {
		what int
		max  uint64
	}
	all := []limit{{unix.RLIMIT_NOFILE, maxOpen}, {unix.RLIMIT_CORE, 0}}
	if !l.Files {
		all = append(all, limit{unix.RLIMIT_FSIZE, 0})
	}
	if l.Memory > 0 {
		all = append(all, limit{unix.RLIMIT_DATA, uint64(l.Memory)})
	}
	if l.CPU > 0 {
		all = append(all, limit{unix.RLIMIT_CPU, uint64(math.Ceil(float64(l.CPU) / float64(time.Second)))})
	}
	for _, one := range all {
		var old unix.Rlimit
		err := unix.Prlimit(pid, one.what, nil, &old)
		if err == nil {
			most := min(one.max, old.Max)
			err = unix.Prlimit(pid, one.what, &unix.Rlimit{Cur: min(most, old.Cur), Max: most}, nil)
		}
		if errors.Is(err, unix.ESRCH) {
			return nil // it has ended already
		}
		if err != nil {
			return fmt.Errorf("limit %d: %w", one.what, err)
		}
	}
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte(oomScore), 0) // a wish: /proc may be out of reach
	return nil
}

// awaitExit returns when a child has ended, and leaves it to be waited for;
// false if it cannot.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
