package linux

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// System reads the whole machine's counters again and again. In a container
// they are the host's.
type System struct {
	stat, loadavg *os.File
	buf           [4096]byte
}

// OpenSystem opens /proc/stat and /proc/loadavg. Close it afterwards.
func OpenSystem() (*System, error) {
	stat, err := os.Open("/proc/stat")
	if err != nil {
		return nil, err
	}
	loadavg, err := os.Open("/proc/loadavg")
	if err != nil {
		stat.Close()
		return nil, err
	}
	return &System{stat: stat, loadavg: loadavg}, nil
}

// Close closes the files.
func (s *System) Close() {
	s.stat.Close()
	s.loadavg.Close()
}

// CPUTimes are seconds that all cores together did nothing, or were not there
// to be used. What they were busy is the rest: the kernel keeps idle time
// exactly on a tickless system, whereas it samples what it counts as busy.
type CPUTimes struct{ IdleSeconds, StealSeconds float64 }

// CPUTimes reads idle (iowait included) and stolen time since the boot.
func (s *System) CPUTimes() (CPUTimes, error) {
	n, err := s.stat.ReadAt(s.buf[:], 0)
	if n == 0 {
		return CPUTimes{}, err
	}
	line, _, _ := bytes.Cut(s.buf[:n], []byte("\n"))
	fields := strings.Fields(string(line)) // cpu user nice system idle iowait irq softirq steal
	if len(fields) < 9 || fields[0] != "cpu" {
		return CPUTimes{}, fmt.Errorf("/proc/stat: want the line of all cores first, got %q", line)
	}
	var ticks [9]float64
	for i := 1; i < len(ticks); i++ {
		if ticks[i], err = strconv.ParseFloat(fields[i], 64); err != nil {
			return CPUTimes{}, fmt.Errorf("/proc/stat: %w", err)
		}
	}
	return CPUTimes{
		IdleSeconds:  (ticks[4] + ticks[5]) / ticksPerSecond,
		StealSeconds: ticks[8] / ticksPerSecond,
	}, nil
}

// LastPID is the id that was given last to a process or thread: as long as it
// stays the same, none has been started.
func (s *System) LastPID() (int, error) {
	n, err := s.loadavg.ReadAt(s.buf[:128], 0)
	if n == 0 {
		return 0, err
	}
	text := bytes.TrimSpace(s.buf[:n])
	return strconv.Atoi(string(text[bytes.LastIndexByte(text, ' ')+1:]))
}

// OnlineCPUs is the number of logical CPUs that the whole machine has online,
// those included that this process may not use.
func OnlineCPUs() (int, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, err
	}
	stat, err := fs.Stat()
	if err != nil {
		return 0, err
	}
	return len(stat.CPU), nil
}

// Pressure is the time, in seconds since the boot, that some task of the host
// waited for a resource: PSI's "some", see Documentation/accounting/psi in the
// kernel. Nil where the kernel does not tell.
type Pressure struct{ CPU, IO, Memory *float64 }

// ReadPressure reads all three.
func ReadPressure() Pressure {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return Pressure{}
	}
	some := func(resource string) *float64 {
		psi, err := fs.PSIStatsForResource(resource)
		if err != nil || psi.Some == nil {
			return nil
		}
		seconds := float64(psi.Some.Total) / 1e6
		return &seconds
	}
	return Pressure{some("cpu"), some("io"), some("memory")}
}
