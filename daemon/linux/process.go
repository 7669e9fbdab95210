// Package linux reads what the kernel tells of processes, of the system and of
// cgroups, from /proc and /sys. It stands below the flow: run and measure, the
// httpbin and the host's description all read through it.
//
// It reads /proc itself, and not through a library, where the reading happens
// while a workload is being measured: files stay open and are read again in
// place, which costs a tenth of opening and parsing everything anew.
package linux

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is USER_HZ, in which /proc counts CPU time: 100 on every
// architecture that Go supports.
const ticksPerSecond = 100

var pageBytes = float64(os.Getpagesize())

// Process is a process that is being watched. Its open file keeps naming the
// same process even if its id is given to another.
type Process struct {
	PID  int
	stat *os.File
	buf  [1024]byte
}

// Watch opens a process for repeated reading. Close it afterwards.
func Watch(pid int) (*Process, error) {
	f, err := os.Open(procPath(pid, "stat"))
	if err != nil {
		return nil, err
	}
	return &Process{PID: pid, stat: f}, nil
}

// Close ends the watching.
func (p *Process) Close() { p.stat.Close() }

// Stat is what /proc/PID/stat says, see proc_pid_stat(5).
type Stat struct {
	Parent       int
	User, System time.Duration // own, ended threads included; steps of 10 ms
	ReapedUser   time.Duration // of waited-for descendants; steps of 10 ms
	ReapedSystem time.Duration
	HasReaped    bool // it has waited for a child, be its time too short to show
	Threads      int
	RSSBytes     float64
	Zombie       bool
	Stopped      bool // by a signal, or by a debugger

	// Uninterruptible is a sleep for a disk, or that of a frozen cgroup of version 1.
	Uninterruptible bool
}

// Stat reads the process's counters. It fails once the process is gone.
func (p *Process) Stat() (Stat, error) {
	n, err := p.stat.ReadAt(p.buf[:], 0)
	if n == 0 {
		return Stat{}, err
	}
	return parseStat(p.buf[:n])
}

func parseStat(line []byte) (Stat, error) {
	// The name in parentheses may hold anything, parentheses included.
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return Stat{}, fmt.Errorf("stat: no name in %q", line)
	}
	fields := bytes.Fields(line[end+1:])
	const first = 3 // the field after the name, as proc_pid_stat(5) counts
	if len(fields) <= 24-first {
		return Stat{}, fmt.Errorf("stat: %d fields in %q", len(fields), line)
	}
	var failed error
	number := func(field int) int64 {
		n, err := strconv.ParseInt(string(fields[field-first]), 10, 64)
		failed = errors.Join(failed, err)
		return n
	}
	ticks := func(field int) time.Duration {
		return time.Duration(number(field)) * time.Second / ticksPerSecond
	}
	return Stat{
		Parent:       int(number(4)),
		User:         ticks(14),
		System:       ticks(15),
		ReapedUser:   ticks(16),
		ReapedSystem: ticks(17),
		HasReaped:    number(11) > 0, // page faults, without which no process begins
		Threads:      int(number(20)),
		RSSBytes:     float64(number(24)) * pageBytes,
		// The first thread's end shows as a zombie while the others live on.
		Zombie:  strings.ContainsRune("ZX", rune(fields[0][0])) && number(20) <= 1,
		Stopped: fields[0][0] == 'T' || fields[0][0] == 't',

		Uninterruptible: fields[0][0] == 'D',
	}, failed
}

// Lives reports whether there is such a process that has not ended.
func Lives(pid int) bool {
	data, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return false
	}
	s, err := parseStat(data)
	return err == nil && !s.Zombie
}

// Name is what the process calls itself, at most 15 bytes, or "" once it is gone.
func Name(pid int) string { return read(procPath(pid, ""), "comm") }

// CPU is the CPU time that the process itself has used, in nanoseconds, ended
// threads included: the process's CPU clock, which can be read from outside
// by the clock id that clock_getcpuclockid(3) would give.
func CPU(pid int) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &t); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// PeakRSS is the high-water mark of the resident set in bytes, since the
// process's last exec or ResetPeakRSS. It does not inherit the parent's, as
// ru_maxrss does.
func PeakRSS(pid int) (float64, error) { return statusKiB(pid, "VmHWM:") }

// ResetPeakRSS lowers the high-water mark to the present resident set, see
// /proc/PID/clear_refs in proc(5).
func ResetPeakRSS(pid int) error {
	return os.WriteFile(procPath(pid, "clear_refs"), []byte("5"), 0)
}

// PSS is the proportional set size in bytes: a page shared by n processes
// counts 1/n for each, so that the sum over a tree counts every page once.
// Reading it walks the page tables: about 10 us per MB.
func PSS(pid int) (float64, error) {
	return keyedKiB(procPath(pid, "smaps_rollup"), "Pss:")
}

// IgnoresSIGCHLD reports whether the process ignores SIGCHLD: the kernel then
// forgets the CPU time of its children.
func IgnoresSIGCHLD(pid int) bool {
	text, err := keyed(procPath(pid, "status"), "SigIgn:")
	if err != nil {
		return false
	}
	mask, err := strconv.ParseUint(text, 16, 64)
	return err == nil && mask&(1<<(uint(unix.SIGCHLD)-1)) != 0
}

// Traced reports whether a debugger or strace is attached to the process.
func Traced(pid int) bool {
	text, err := keyed(procPath(pid, "status"), "TracerPid:")
	return err == nil && text != "0"
}

// IO is what /proc/PID/io counts: bytes that reached or will reach the block
// layer, waited-for descendants included.
type IO struct{ ReadBytes, WrittenBytes float64 }

// ReadIO reads the process's counters; another user's process refuses.
func ReadIO(pid int) (IO, error) {
	data, err := os.ReadFile(procPath(pid, "io"))
	if err != nil {
		return IO{}, err
	}
	read, err1 := field(data, "read_bytes:")
	written, err2 := field(data, "write_bytes:")
	r, err3 := strconv.ParseFloat(read, 64)
	w, err4 := strconv.ParseFloat(written, 64)
	return IO{r, w}, errors.Join(err1, err2, err3, err4)
}

func statusKiB(pid int, key string) (float64, error) {
	return keyedKiB(procPath(pid, "status"), key)
}

func keyedKiB(path, key string) (float64, error) {
	text, err := keyed(path, key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, " kB"), 64)
	return n * 1024, err
}

func keyed(path, key string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text, err := field(data, key)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// field is the rest of the line that begins with key.
func field(data []byte, key string) (string, error) {
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(line, []byte(key)); ok {
			return string(bytes.TrimSpace(rest)), nil
		}
	}
	return "", fmt.Errorf("no line %s", key)
}

func procPath(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
