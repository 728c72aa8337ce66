package process

import (
	"fmt"
	"os"
	"time"
)

// Pressure says how crowded the machine's cores are, by the kernel's own
// account (Documentation/accounting/psi.rst, "some" of cpu).
type Pressure struct {
	start  time.Time
	waited time.Duration
}

// NewPressure begins to look.
func NewPressure() Pressure { return Pressure{time.Now(), waited()} }

// Share is for how much of the time since then some runnable thread had to
// wait for a core, 0 to 1; 0 where the kernel does not say.
func (p Pressure) Share() float64 {
	return float64(waited()-p.waited) / float64(max(1, time.Since(p.start)))
}

func waited() time.Duration {
	b, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return 0
	}
	var a, c, d float64
	var us int64
	if _, err := fmt.Sscanf(string(b), "some avg10=%f avg60=%f avg300=%f total=%d", &a, &c, &d, &us); err != nil {
		return 0
	}
	return time.Duration(us) * time.Microsecond
}
