package linux

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cgroupMount is where the hierarchies are mounted, the one of version 2
// itself or, beside those of version 1, below it.
const cgroupMount = "/sys/fs/cgroup"

// GroupFrozen reports whether the process is in a frozen cgroup of version 1,
// which shows it sleeping like for a disk. Of version 2 see FrozenTime.
func GroupFrozen(pid int) bool {
	group := groupOf(pid, "freezer")
	return group != "" && read(filepath.Join(cgroupMount, "freezer", group), "freezer.state") == "FROZEN"
}

// FrozenTime is for how many seconds a cgroup of version 2 has been frozen, by
// itself or by one above it.
type FrozenTime struct {
	Group   string
	Seconds float64
}

// ReadFrozenTime reads that of the process's group. It returns nil where the
// kernel does not tell it: before Linux 6.17, or of a group that is not to be
// seen from here.
func ReadFrozenTime(pid int) *FrozenTime {
	group := groupOf(pid, "")
	if group == "" {
		return nil
	}
	for _, mount := range []string{cgroupMount, filepath.Join(cgroupMount, "unified")} {
		data, err := os.ReadFile(filepath.Join(mount, group, "cgroup.stat.local"))
		if err != nil {
			continue
		}
		text, err := field(data, "frozen_usec ")
		if err != nil {
			return nil
		}
		if us, err := strconv.ParseFloat(text, 64); err == nil {
			return &FrozenTime{group, us / 1e6}
		}
	}
	return nil
}

// groupOf is the path of the process's group in the hierarchy of the
// controller, or in that of version 2 for "". It is "" where there is none.
func groupOf(pid int, controller string) string {
	data, err := os.ReadFile(procPath(pid, "cgroup"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // hierarchy:controllers:path
		if len(parts) == 3 && parts[1] == controller {
			return parts[2]
		}
	}
	return ""
}
