package linux

import (
	"bytes"
	"errors"
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

// OpenSystem opens /proc/stat and /proc/loadavg. Close it afterwards. Where
// they are hidden (a /proc mounted with subset=pid, as systemd's ProcSubset
// does) every reading fails, and what does not depend on it can still be had.
func OpenSystem() *System {
	var s System
	s.stat, _ = os.Open("/proc/stat")
	s.loadavg, _ = os.Open("/proc/loadavg")
	return &s
}

// Close closes the files.
func (s *System) Close() {
	s.stat.Close()
	s.loadavg.Close()
}

// CPUTimes are seconds that all cores together did nothing, or were not there
// to be used. What they were busy is the rest: the kernel keeps idle time
// exactly on a tickless system, whereas it samples what it counts as busy.
type CPUTimes struct {
	IdleSeconds  float64  // iowait included
	StealSeconds *float64 // nil where it is not told
	TotalSeconds float64  // of anything: it grows like the clock, for each core, or the file is but a copy
}

// Unused is what nobody used, be it that nobody wanted it or that it was stolen.
func (t CPUTimes) Unused() float64 {
	if t.StealSeconds == nil {
		return t.IdleSeconds
	}
	return t.IdleSeconds + *t.StealSeconds
}

// CPUTimes reads idle and stolen time since the boot, in steps of 10 ms.
func (s *System) CPUTimes() (CPUTimes, error) {
	n, err := s.stat.ReadAt(s.buf[:], 0)
	if n == 0 {
		return CPUTimes{}, err
	}
	line, _, _ := bytes.Cut(s.buf[:n], []byte("\n"))
	return parseCPUTimes(string(line))
}

func parseCPUTimes(line string) (CPUTimes, error) {
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal
	if len(fields) < 6 || fields[0] != "cpu" {
		return CPUTimes{}, fmt.Errorf("/proc/stat: want the line of all cores first, got %q", line)
	}
	var ticks [9]float64
	for i := 1; i < min(len(ticks), len(fields)); i++ {
		var err error
		if ticks[i], err = strconv.ParseFloat(fields[i], 64); err != nil {
			return CPUTimes{}, fmt.Errorf("/proc/stat: %w", err)
		}
	}
	// Sandboxes that play a kernel (gVisor) say 0 of everything, which would
	// read as a machine that is never idle.
	if ticks == [9]float64{} {
		return CPUTimes{}, errors.New("/proc/stat: times are not kept")
	}
	t := CPUTimes{IdleSeconds: (ticks[4] + ticks[5]) / ticksPerSecond}
	for _, n := range ticks {
		t.TotalSeconds += n / ticksPerSecond
	}
	if len(fields) > 8 {
		t.StealSeconds = new(ticks[8] / ticksPerSecond)
	}
	return t, nil
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

// TrustLastPID holds the file against what is known: before is what was read
// before the process started was. If it tells of no process since (LXC shows a
// container a file that is renewed each 5 s), readings of the id fail from now on.
func (s *System) TrustLastPID(before, started int) {
	last, err := s.LastPID()
	wrapped := last < before
	if err == nil && (last == before || last < started && !wrapped) {
		s.loadavg.Close()
	}
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
