package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
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

// swept says that nothing of the workload is left.
type swept struct {
	Strays int `json:"strays"` // processes that outlived the first and had to be killed
}

// Supervise runs command as a workload's first process on descriptors 0 to 3,
// until neither it nor any descendant is left. It is the whole life of the
// supervisor's process.
func Supervise(command []string) int {
	// The workload's Pdeathsig follows the thread that starts it.
	runtime.LockOSThread()
	reports := json.NewEncoder(os.NewFile(reportFD, "report"))
	say := func(r report) { _ = reports.Encode(r) } // with the daemon dead, nobody listens

	unix.CloseOnExec(controlFD)
	unix.CloseOnExec(reportFD)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		say(report{Error: fmt.Sprintf("become the subreaper: %v", err)})
		return 1
	}
	raiseOpenFiles()
	pid, err := syscall.ForkExec(command[0], command, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2, protocol.FD},
		// A group of its own, so that TERM reaches the whole workload at once,
		// and an end with the supervisor, should somebody kill that.
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
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

	go obey(pid)
	strays := reapAll(pid, say)
	say(report{Swept: &swept{Strays: strays}})
	return 0
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
func obey(pid int) {
	control := os.NewFile(controlFD, "control")
	order := make([]byte, 1)
	for {
		_, err := control.Read(order)
		if err == nil && order[0] == orderTerminate {
			_ = unix.Kill(-pid, unix.SIGTERM)
			// A stopped process would not see it.
			_ = unix.Kill(-pid, unix.SIGCONT)
			time.AfterFunc(Grace, func() { killChildren() })
			continue
		}
		if errors.Is(err, io.EOF) || err != nil {
			killChildren()
			return
		}
	}
}

// killChildren kills what there is until the process ends for want of
// children. To kill the children suffices: theirs become ours.
func killChildren() {
	for {
		for _, pid := range linux.Children(os.Getpid()) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// reapAll waits until no child is left, and returns how many of them outlived
// the first.
func reapAll(first int, say func(report)) (strays int) {
	swept := false
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
			return strays // ECHILD: none is left
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
			say(report{Ended: end})
			swept = true
			time.AfterFunc(linger, killChildren)
		} else if swept && status.Signaled() && status.Signal() == unix.SIGKILL {
			strays++
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
