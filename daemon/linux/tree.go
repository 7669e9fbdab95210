package linux

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Children returns the children of a process. It reads the children files of
// its threads, and looks through all of /proc where the kernel lacks them
// (CONFIG_PROC_CHILDREN). A process that is gone has none.
func Children(pid int) []int {
	var children []int
	for _, tid := range Threads(pid) {
		data, err := os.ReadFile(procPath(pid, "task/"+strconv.Itoa(tid)+"/children"))
		if os.IsNotExist(err) && !childrenFiles() {
			return childrenByParent(pid)
		}
		for _, word := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(word); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

// Descendants returns the processes below one, itself not included, nearest
// first.
func Descendants(pid int) []int {
	all := Children(pid)
	for i := 0; i < len(all); i++ {
		for _, child := range Children(all[i]) {
			// A child whose parent ended while we walked may show up twice.
			if !slices.Contains(all, child) {
				all = append(all, child)
			}
		}
	}
	return all
}

// Threads returns the ids of a process's threads, none if it is gone.
func Threads(pid int) []int {
	return numbers(procPath(pid, "task"))
}

// ThreadCounters is what the kernel counts of one thread.
type ThreadCounters struct {
	RunDelaySeconds float64 // runnable, but waiting for a CPU
	Voluntary       float64 // context switches: it waited for something
	Involuntary     float64 // context switches: its CPU was taken
}

// ReadThread reads a thread's counters from schedstat (its second field, see
// Documentation/scheduler/sched-stats in the kernel) and status. It fails
// where the kernel lacks CONFIG_SCHED_INFO, and for a thread that has ended.
func ReadThread(pid, tid int) (ThreadCounters, error) {
	task := "task/" + strconv.Itoa(tid) + "/"
	var c ThreadCounters
	stat, err := os.ReadFile(procPath(pid, task+"schedstat"))
	if err != nil {
		return c, err
	}
	fields := strings.Fields(string(stat))
	if len(fields) < 2 {
		return c, os.ErrNotExist
	}
	nanoseconds, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return c, err
	}
	c.RunDelaySeconds = nanoseconds / 1e9
	status, err := os.ReadFile(procPath(pid, task+"status"))
	if err != nil {
		return c, err
	}
	for key, into := range map[string]*float64{
		"voluntary_ctxt_switches:":    &c.Voluntary,
		"nonvoluntary_ctxt_switches:": &c.Involuntary,
	} {
		text, err := field(status, key)
		if err != nil {
			return c, err
		}
		if *into, err = strconv.ParseFloat(text, 64); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Environ reports whether the process was started with the given NAME=value
// in its environment.
func Environ(pid int, entry string) bool {
	data, err := os.ReadFile(procPath(pid, "environ"))
	return err == nil && slices.Contains(strings.Split(string(data), "\x00"), entry)
}

// Processes returns the ids of all processes that can be seen.
func Processes() []int { return numbers("/proc") }

func childrenFiles() bool {
	_, err := os.Stat("/proc/thread-self/children")
	return err == nil
}

func childrenByParent(parent int) []int {
	var children []int
	for _, pid := range Processes() {
		data, err := os.ReadFile(procPath(pid, "stat"))
		if err != nil {
			continue
		}
		if s, err := parseStat(data); err == nil && s.Parent == parent {
			children = append(children, pid)
		}
	}
	return children
}

// numbers returns the entries of a folder whose names are numbers.
func numbers(dir string) []int {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // what was read before an error is what is there
	var ids []int
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			ids = append(ids, n)
		}
	}
	return ids
}
