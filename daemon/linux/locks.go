package linux

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Holder is a process that holds a lock.
type Holder struct {
	PID     int
	User    int    // effective user, -1 where that cannot be read
	Command string // "" where that cannot be read
}

func (h Holder) String() string {
	if h.Command == "" {
		return fmt.Sprintf("pid %d", h.PID)
	}
	return fmt.Sprintf("pid %d (%q)", h.PID, h.Command)
}

// LockHolders are the other processes that hold a lock on a file or folder for
// writing, of whatever kind, as far as they can be seen from here: the kernel
// shows no lock of another PID namespace.
func LockHolders(path string) []Holder {
	var s unix.Stat_t
	text, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Stat(path, &s) != nil {
		return nil
	}
	inode := fmt.Sprint(s.Ino)
	device := fmt.Sprintf("%02x:%02x", unix.Major(s.Dev), unix.Minor(s.Dev))
	var holders []Holder
	for line := range strings.Lines(string(text)) {
		// 1: FLOCK  ADVISORY  WRITE 4711 fe:01:1234 0 EOF; one that waits has "->" after its number.
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[3] != "WRITE" {
			continue
		}
		at := strings.LastIndex(fields[5], ":")
		pid, err := strconv.Atoi(fields[4])
		if at < 0 || fields[5][at+1:] != inode || err != nil || pid <= 0 || pid == os.Getpid() {
			continue
		}
		// The device is another one than stat's on btrfs and overlayfs.
		if fields[5][:at] == device || hasOpen(pid, &s) {
			holders = append(holders, holderOf(pid))
		}
	}
	return holders
}

// hasOpen reports whether the process has the file open, as far as that can be seen.
func hasOpen(pid int, file *unix.Stat_t) bool {
	folder := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, _ := os.ReadDir(folder) // none of another user's
	for _, e := range entries {
		var s unix.Stat_t
		if unix.Stat(folder+e.Name(), &s) == nil && s.Dev == file.Dev && s.Ino == file.Ino {
			return true
		}
	}
	return false
}

func holderOf(pid int) Holder {
	h := Holder{PID: pid, User: -1}
	folder := fmt.Sprintf("/proc/%d", pid)
	var s unix.Stat_t
	if unix.Stat(folder, &s) == nil {
		h.User = int(s.Uid)
	}
	if command, err := os.ReadFile(folder + "/cmdline"); err == nil {
		h.Command = strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
	}
	return h
}
