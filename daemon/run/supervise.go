package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
	"benchd/workloads/protocol"
)

// The supervisor is this program, started anew between daemon and workload:
// the direct parent of each workload. It exists because only a living parent
// can promise that nothing is left behind: it adopts every descendant that
// loses its own parent (PR_SET_CHILD_SUBREAPER), setsid or not, and it outlives
// the daemon's SIGKILL by as long as it takes to kill them all.

// Descriptors of the supervisor, beside the workload's own 0 to 3.
const (
	controlFD = protocol.FD + 1 // orders of the daemon; its end of file is the daemon's death
	reportFD  = protocol.FD + 2 // reports to the daemon, one JSON object a line
)

// linger is what the workload's other processes get to end by themselves, when
// the first has. multiprocessing's fork server and resource tracker notice its
// end by their pipes' and then clean up; they are not strays.
const linger = 100 * time.Millisecond

// Grace is the time between asking a workload to end and killing it.
const Grace = 2 * time.Second

// orderTerminate asks the supervisor to end the workload: TERM to its process
// group, KILL to what is left after Grace. End of file means KILL at once.
const orderTerminate = 'T'

// report is what the supervisor tells the daemon: first that the workload has
// been started or why not, later that its first process has ended.
type report struct {
	PID   int    `json:"pid,omitempty"`
	Error string `json:"error,omitempty"`
	Ended *ended `json:"ended,omitempty"`
	Swept *swept `json:"swept,omitempty"`
}

// ended describes the end of the workload's first process.
type ended struct {
	Code   int    `json:"code"` // -1 if a signal ended it
	Signal string `json:"signal,omitempty"`
	// CPU time of the process itself, without what it had reaped.
	OwnCPU time.Duration `json:"own_cpu"`
	// CPU time and context switches of the process and all it had reaped.
	CPU         time.Duration `json:"cpu"`
	Voluntary   float64       `json:"voluntary"`
	Involuntary float64       `json:"involuntary"`
	// For how long the process was stopped by signals, however short the stops.
	Stopped time.Duration `json:"stopped"`
}

// swept says what became of the workload's other processes.
type swept struct {
	Strays int `json:"strays"` // processes beside the first that had to be killed
	Left   int `json:"left"`   // processes that could not be killed
}

// supervisorName is what `ps` shows. It is not benchd's, so that somebody who
// kills all that are called benchd leaves one to clean up after them.
const supervisorName = "supervise"

// supervise is the command that starts a supervisor.
func supervise(brand uint64, group linux.Group, command []string) []string {
	return append([]string{"supervise", strconv.FormatUint(brand, 10), group.Dir(), "--"}, command...)
}

// Supervise runs a command as a workload's first process on descriptors 0 to 3,
// until neither it nor any descendant is left. It is the whole life of the
// supervisor's process. Its arguments are BRAND GROUP -- COMMAND...
func Supervise(args []string) int {
	// The workload's Pdeathsig follows the thread that starts it.
	runtime.LockOSThread()
	reports := json.NewEncoder(os.NewFile(reportFD, "report"))
	say := func(r report) { _ = reports.Encode(r) } // with the daemon dead, nobody listens

	unix.CloseOnExec(controlFD)
	unix.CloseOnExec(reportFD)
	if len(args) < 4 {
		say(report{Error: "the supervisor wants BRAND GROUP -- COMMAND"})
		return 1
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		say(report{Error: fmt.Sprintf("become the subreaper: %v", err)})
		return 1
	}
	// Without the name and the brand it does its work as well; they are for
	// what comes after its own violent end.
	_ = os.WriteFile("/proc/self/comm", []byte(supervisorName), 0)
	if brand, err := strconv.ParseUint(args[0], 10, 64); err == nil {
		_ = linux.Brand(brand)
	}
	raiseOpenFiles()
	group, command := linux.OpenGroup(args[1]), args[3:]
	pid, err := startFirst(command, group)
	if err != nil && group.Dir() != "" {
		pid, err = startFirst(command, linux.Group{}) // a sandbox may forbid it all the same
	}
	if err != nil {
		say(report{Error: fmt.Sprintf("start %s: %v", command[0], err)})
		return 1
	}
	// Should memory run out, the workload is to go first and not the daemon.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("800"), 0)
	for fd := 0; fd <= protocol.FD; fd++ {
		unix.Close(fd)
	}
	say(report{PID: pid})

	over := make(chan struct{}) // closed when what is left is to be killed
	end := sync.OnceFunc(func() { close(over) })
	first, all := make(chan struct{}), make(chan struct{}) // closed when it or all have ended
	go obey(pid, end)
	go func() {
		defer close(all)
		reapAll(pid, func(e *ended) {
			say(report{Ended: e})
			close(first)
			time.AfterFunc(linger, end)
		})
	}()
	var s swept
	select {
	case <-all:
	case <-over:
		s = sweepAll(pid, group, first, all)
	}
	say(report{Swept: &s})
	return 0
}

// sweepAll kills all descendants, of which pid is the first, until there is no
// child, or none that can be killed. Those of a process that starts another and
// ends may all be missed by one look.
func sweepAll(pid int, group linux.Group, first, all <-chan struct{}) (s swept) {
	for {
		killed, left := sweep(func() []int { return linux.Descendants(os.Getpid()) }, group)
		s.Strays += strays(killed, pid)
		if len(left) > 0 {
			s.Left = len(left)
			if !slices.Contains(left, pid) {
				<-first // has ended, and is about to be reaped
			}
			return s
		}
		select {
		case <-all:
			return s
		case <-time.After(time.Millisecond):
		}
	}
}

// startFirst starts the workload's first process, in the group if there is one.
func startFirst(command []string, group linux.Group) (int, error) {
	// A process group of its own, so that TERM reaches the whole workload at
	// once, and an end with the supervisor, should somebody kill that.
	sys := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if group.Dir() != "" {
		folder, err := os.Open(group.Dir())
		if err != nil {
			return 0, err
		}
		defer folder.Close()
		sys.UseCgroupFD, sys.CgroupFD = true, int(folder.Fd())
	}
	return syscall.ForkExec(command[0], command, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2, protocol.FD}, Sys: sys,
	})
}

// raiseOpenFiles lifts the limit of open files as far as allowed: a workload
// of 1,000 connections would fail at the customary 1,024. Go lifts it for
// itself, but gives its children the old one unless it is set explicitly.
func raiseOpenFiles() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
}

// obey waits for the daemon's orders, or its death.
func obey(pid int, end func()) {
	control := os.NewFile(controlFD, "control")
	order := make([]byte, 1)
	for {
		if _, err := control.Read(order); err != nil {
			end()
			return
		}
		if order[0] == orderTerminate {
			_ = unix.Kill(-pid, unix.SIGTERM)
			// A stopped process would not see it.
			_ = unix.Kill(-pid, unix.SIGCONT)
			time.AfterFunc(Grace, end)
		}
	}
}

// reapAll waits until no child is left, and tells the end of the first.
func reapAll(first int, tell func(*ended)) {
	var stops stopwatch
	for {
		// Looking first, without reaping (WNOWAIT), keeps the ended process's
		// CPU clock readable.
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WSTOPPED|unix.WCONTINUED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return // ECHILD: none is left
		}
		pid := childOf(&info)
		if info.Code == cldStopped || info.Code == cldContinued {
			if pid == first {
				stops.note(info.Code == cldStopped, time.Now())
			}
			// Else it would be told for ever. It may have been continued just now.
			_ = unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WCONTINUED|unix.WNOHANG, nil)
			if pid == first && info.Code == cldContinued {
				stops.note(false, time.Now())
			}
			continue
		}
		own, _ := linux.CPU(pid)
		var status unix.WaitStatus
		var usage unix.Rusage
		if _, err := unix.Wait4(pid, &status, 0, &usage); err != nil {
			continue
		}
		if pid == first {
			end := describe(status, usage, own)
			end.Stopped = stops.total
			tell(end)
		}
	}
}

// What waitid(2) says of a child: CLD_STOPPED and CLD_CONTINUED.
const (
	cldStopped   = 5
	cldContinued = 6
)

// stopwatch adds up for how long a process was stopped.
type stopwatch struct {
	since time.Time // zero while it is not
	total time.Duration
}

func (s *stopwatch) note(stopped bool, at time.Time) {
	if !s.since.IsZero() {
		s.total += at.Sub(s.since)
	}
	s.since = time.Time{}
	if stopped {
		s.since = at
	}
}

func describe(status unix.WaitStatus, usage unix.Rusage, own time.Duration) *ended {
	e := &ended{
		Code:        -1,
		OwnCPU:      own,
		CPU:         time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		Voluntary:   float64(usage.Nvcsw),
		Involuntary: float64(usage.Nivcsw),
	}
	if status.Signaled() {
		e.Signal = status.Signal().String()
	} else {
		e.Code = status.ExitStatus()
	}
	return e
}

// childOf is the si_pid of what waitid(2) filled in. x/sys/unix leaves the
// field unnamed; it follows three ints, aligned to the size of a pointer.
func childOf(info *unix.Siginfo) int {
	const offset = (3*4 + unsafe.Sizeof(uintptr(0)) - 1) &^ (unsafe.Sizeof(uintptr(0)) - 1)
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), offset)))
}
