package linux

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A brand is a number that a process and all that descends from it bear,
// whatever they execute, clear from their environment, close or leave. It is
// their limit of file locks, RLIMIT_LOCKS: limits are inherited, everybody may
// read them, and only root could raise them again. Linux has not enforced this
// one since 2.4.25.

// Brand brands this process, and thereby what it will start. It fails where the
// limit is lower already.
func Brand(number uint64) error {
	limit := unix.Rlimit{Cur: number, Max: number}
	if err := unix.Setrlimit(unix.RLIMIT_LOCKS, &limit); err != nil {
		return err
	}
	if !branded(os.Getpid(), strconv.FormatUint(number, 10)) {
		return errors.New("/proc does not tell the limit of file locks")
	}
	return nil
}

// Branded returns the processes that bear the brand.
func Branded(number uint64) []int {
	text := strconv.FormatUint(number, 10)
	var pids []int
	for _, pid := range Processes() {
		if branded(pid, text) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func branded(pid int, number string) bool {
	text, err := keyed(procPath(pid, "limits"), "Max file locks ")
	if err != nil {
		return false // it has ended
	}
	fields := strings.Fields(text) // soft, hard, unit; the soft one is the process's to change
	return len(fields) > 1 && fields[1] == number
}
