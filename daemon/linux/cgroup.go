package linux

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Cgroup reads the limits of the control group that this process is in, of
// version 1 or 2. A workload is in the same group as the daemon.
type Cgroup struct {
	cpu, memory string // folders of the controllers
	unified     bool   // version 2
}

// FindCgroup finds the group of this process under root ("/" but in tests).
// It fails where there is none to be read.
func FindCgroup(root string) (Cgroup, error) {
	data, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return Cgroup{}, err
	}
	mount := filepath.Join(root, "sys/fs/cgroup")
	var c Cgroup
	for line := range strings.Lines(string(data)) {
		// hierarchy:controllers:path, the controllers empty in version 2
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		controllers := strings.Split(parts[1], ",")
		switch {
		case slices.Contains(controllers, "cpu"):
			c.cpu = firstFolder("cpu.stat", filepath.Join(mount, "cpu"), filepath.Join(mount, parts[1]), parts[2])
		case slices.Contains(controllers, "memory"):
			c.memory = firstFolder("memory.limit_in_bytes", filepath.Join(mount, "memory"), filepath.Join(mount, "memory"), parts[2])
		case parts[1] == "" && c.cpu == "":
			if folder := firstFolder("cpu.stat", mount, mount, parts[2]); folder != "" {
				return Cgroup{cpu: folder, memory: folder, unified: true}, nil
			}
		}
	}
	if c.cpu == "" {
		return Cgroup{}, errors.New("no readable cgroup with a cpu controller")
	}
	return c, nil
}

// firstFolder returns the group's folder that holds the file. In a container
// without a cgroup namespace the path is the host's, while the mount shows the
// container's own group at its top.
func firstFolder(file, mount, otherMount, path string) string {
	for _, folder := range []string{
		filepath.Join(mount, path), filepath.Join(otherMount, path), mount, otherMount,
	} {
		if _, err := os.Stat(filepath.Join(folder, file)); err == nil {
			return folder
		}
	}
	return ""
}

// Throttling is how often, and for how many seconds, the group has been held
// back because it had used up its CPU limit.
type Throttling struct{ Periods, Seconds float64 }

// Throttling reads cpu.stat.
func (c Cgroup) Throttling() (Throttling, error) {
	data, err := os.ReadFile(filepath.Join(c.cpu, "cpu.stat"))
	if err != nil {
		return Throttling{}, err
	}
	key, perSecond := "throttled_time ", 1e9
	if c.unified {
		key, perSecond = "throttled_usec ", 1e6
	}
	periods, err1 := field(data, "nr_throttled ")
	throttled, err2 := field(data, key)
	p, err3 := strconv.ParseFloat(periods, 64)
	t, err4 := strconv.ParseFloat(throttled, 64)
	return Throttling{p, t / perSecond}, errors.Join(err1, err2, err3, err4)
}

// CPULimit is the number of cores that the group may use; nil for no limit.
func (c Cgroup) CPULimit() *float64 {
	var quota, period string
	if c.unified {
		words := strings.Fields(c.read(c.cpu, "cpu.max"))
		if len(words) != 2 {
			return nil
		}
		quota, period = words[0], words[1]
	} else {
		quota, period = c.read(c.cpu, "cpu.cfs_quota_us"), c.read(c.cpu, "cpu.cfs_period_us")
	}
	q, err1 := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || q <= 0 || p <= 0 {
		return nil // "max", or -1
	}
	cores := q / p
	return &cores
}

// MemoryLimit is the number of bytes that the group may use; nil for no limit.
func (c Cgroup) MemoryLimit() *float64 {
	name := "memory.limit_in_bytes"
	if c.unified {
		name = "memory.max"
	}
	limit, err := strconv.ParseFloat(c.read(c.memory, name), 64)
	if err != nil || limit >= 1<<60 { // version 1 says 2^63 less a page for none
		return nil
	}
	return &limit
}

func (c Cgroup) read(folder, name string) string {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
