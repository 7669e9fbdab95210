package linux

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Cgroup reads the limits of the control group that this process is in, of
// version 1 or 2, and of the groups above it, whose limits hold for it too:
// systemd limits slices, and an orchestrator the group around a container's. A
// workload is in the same group as the daemon.
type Cgroup struct {
	cpu, memory []string // folders of the controllers: the group's own, and then those above
	unified     bool     // version 2
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
			c.cpu = groups("cpu.stat", filepath.Join(mount, "cpu"), filepath.Join(mount, parts[1]), parts[2])
		case slices.Contains(controllers, "memory"):
			c.memory = groups("memory.limit_in_bytes", filepath.Join(mount, "memory"), filepath.Join(mount, "memory"), parts[2])
		case parts[1] == "" && c.cpu == nil:
			if folders := groups("cpu.stat", mount, mount, parts[2]); folders != nil {
				return Cgroup{cpu: folders, memory: folders, unified: true}, nil
			}
		}
	}
	if c.cpu == nil {
		return Cgroup{}, errors.New("no readable cgroup with a cpu controller")
	}
	return c, nil
}

// groups returns the folder of the group, which holds the file, and of those
// above it up to the mount. In a container without a cgroup namespace the path
// is the host's, while the mount shows the container's own group at its top.
func groups(file, mount, otherMount, path string) []string {
	for _, top := range []string{mount, otherMount} {
		if folder := filepath.Join(top, path); holds(folder, file) {
			folders := []string{folder}
			for folder != top {
				folder = filepath.Dir(folder)
				folders = append(folders, folder)
			}
			return folders
		}
	}
	for _, top := range []string{mount, otherMount} {
		if holds(top, file) {
			return []string{top}
		}
	}
	return nil
}

func holds(folder, file string) bool {
	_, err := os.Stat(filepath.Join(folder, file))
	return err == nil
}

// Throttling is how often, and for how many seconds, the group or one above it
// has been held back because it had used up its CPU limit.
type Throttling struct{ Periods, Seconds float64 }

// Throttling reads cpu.stat. It fails where none of the groups keeps count.
func (c Cgroup) Throttling() (Throttling, error) {
	key, perSecond := "throttled_time ", 1e9
	if c.unified {
		key, perSecond = "throttled_usec ", 1e6
	}
	var sum Throttling
	found := false
	for _, folder := range c.cpu {
		data := []byte(read(folder, "cpu.stat"))
		periods, err1 := field(data, "nr_throttled ")
		throttled, err2 := field(data, key)
		if err1 != nil || err2 != nil {
			continue // the group at the top has no limit to be held back by
		}
		p, err1 := strconv.ParseFloat(periods, 64)
		t, err2 := strconv.ParseFloat(throttled, 64)
		if err := errors.Join(err1, err2); err != nil {
			return Throttling{}, fmt.Errorf("%s/cpu.stat: %w", folder, err)
		}
		found = true
		sum.Periods += p
		sum.Seconds += t / perSecond
	}
	if !found {
		return Throttling{}, errors.New("no group counts throttled periods")
	}
	return sum, nil
}

// CPULimit is the number of cores that the group may use; nil for no limit.
func (c Cgroup) CPULimit() *float64 {
	return lowest(c.cpu, func(folder string) (cores float64, ok bool) {
		quota, period := read(folder, "cpu.cfs_quota_us"), read(folder, "cpu.cfs_period_us")
		if c.unified {
			quota, period, _ = strings.Cut(read(folder, "cpu.max"), " ")
		}
		q, err1 := strconv.ParseFloat(quota, 64)
		p, err2 := strconv.ParseFloat(period, 64)
		return q / p, err1 == nil && err2 == nil && q > 0 && p > 0 // else "max", or -1
	})
}

// MemoryLimit is the number of bytes that the group may use; nil for no limit.
func (c Cgroup) MemoryLimit() *float64 {
	name := "memory.limit_in_bytes"
	if c.unified {
		name = "memory.max"
	}
	return lowest(c.memory, func(folder string) (bytes float64, ok bool) {
		limit, err := strconv.ParseFloat(read(folder, name), 64)
		return limit, err == nil && limit < 1<<60 // version 1 says 2^63 less a page for none
	})
}

// lowest is the limit that binds: the lowest of the groups'.
func lowest(folders []string, limit func(folder string) (float64, bool)) *float64 {
	var found *float64
	for _, folder := range folders {
		if n, ok := limit(folder); ok && (found == nil || n < *found) {
			found = &n
		}
	}
	return found
}

func read(folder, name string) string {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
