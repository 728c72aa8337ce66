package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the time the process used so far, user and system, all threads.
func (p *Process) CPU() time.Duration { return cpu(p.PID()) }

// TreeCPU is that of the process and all its descendants, also of those that
// have ended (these to 10 ms).
func (p *Process) TreeCPU() time.Duration {
	sum := time.Duration(0)
	for _, pid := range tree(p.PID()) {
		sum += cpu(pid) + ended(pid)
	}
	return sum
}

// ended is the time of a process's children that ended and were waited for.
func ended(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:])) // from the third on, state
	user, _ := strconv.Atoi(fields[13])
	system, _ := strconv.Atoi(fields[14])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

// cpu reads another process's CPU clock (clock_getcpuclockid(3)).
func cpu(pid int) time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|2), &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// tree lists a process and its descendants.
func tree(root int) []int {
	parents := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		// pid (name) state ppid: the name may hold anything, so cut after its end.
		s := string(b)
		pid, _ := strconv.Atoi(s[:strings.IndexByte(s, ' ')])
		fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
		ppid, _ := strconv.Atoi(fields[1])
		parents[ppid] = append(parents[ppid], pid)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, parents[all[i]]...)
	}
	return all
}

// RSS is the resident memory in bytes.
func (p *Process) RSS() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID()))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// PinSelf keeps this process, and what it starts from now on, on one core.
func PinSelf(core int) error {
	var set unix.CPUSet
	set.Set(core)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("pin to core %d: %w", core, err)
	}
	for _, t := range tasks {
		tid, _ := strconv.Atoi(t.Name())
		if err := unix.SchedSetaffinity(tid, &set); err != nil {
			return fmt.Errorf("pin to core %d: %w", core, err)
		}
	}
	return nil
}

// Child is a living descendant of a process.
type Child struct {
	PID  int
	Args []string // its command line
}

// Children are the process's living descendants.
func (p *Process) Children() []Child {
	var all []Child
	for _, pid := range tree(p.PID())[1:] {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && len(b) > 0 {
			all = append(all, Child{pid, strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")})
		}
	}
	return all
}
