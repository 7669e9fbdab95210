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
	if !childrenFiles() {
		return childrenByParent()[pid]
	}
	return childrenOf(pid)
}

// Descendants returns the processes below one, itself not included, nearest
// first.
func Descendants(pid int) []int {
	if !childrenFiles() {
		byParent := childrenByParent()
		return descendants(pid, func(pid int) []int { return byParent[pid] })
	}
	return descendants(pid, childrenOf)
}

func descendants(pid int, children func(int) []int) []int {
	all := slices.Clone(children(pid))
	for i := 0; i < len(all); i++ {
		for _, child := range children(all[i]) {
			// A child whose parent ended while we walked may show up twice.
			if !slices.Contains(all, child) {
				all = append(all, child)
			}
		}
	}
	return all
}

func childrenOf(pid int) []int {
	var children []int
	for _, tid := range Threads(pid) {
		data, err := os.ReadFile(procPath(pid, "task/"+strconv.Itoa(tid)+"/children"))
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(word); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

func childrenFiles() bool {
	_, err := os.Stat("/proc/thread-self/children")
	return err == nil
}

// childrenByParent is all of /proc, by parent.
func childrenByParent() map[int][]int {
	children := map[int][]int{}
	for _, pid := range Processes() {
		data, err := os.ReadFile(procPath(pid, "stat"))
		if err != nil {
			continue
		}
		if s, err := parseStat(data); err == nil {
			children[s.Parent] = append(children[s.Parent], pid)
		}
	}
	return children
}

// Threads returns the ids of a process's threads, none if it is gone.
func Threads(pid int) []int {
	return numbers(procPath(pid, "task"))
}

// ThreadCounters is what the kernel counts of one thread.
type ThreadCounters struct {
	RunSeconds      float64 // on a CPU; 0 where the kernel does not tell
	RunDelaySeconds float64 // runnable, but waiting for a CPU; 0 where the kernel does not tell
	Voluntary       float64 // context switches: it waited for something
	Involuntary     float64 // context switches: its CPU was taken
}

// ReadThread reads a thread's counters from status and schedstat. It fails for
// a thread that has ended.
func ReadThread(pid, tid int) (ThreadCounters, error) {
	task := "task/" + strconv.Itoa(tid) + "/"
	var c ThreadCounters
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
	c.RunSeconds, c.RunDelaySeconds = readSchedstat(pid, tid)
	return c, nil
}

// readSchedstat returns zeros for a thread that has ended, and on a kernel
// without CONFIG_SCHED_INFO, which lacks the file or fills it with zeros.
func readSchedstat(pid, tid int) (run, delay float64) {
	data, err := os.ReadFile(procPath(pid, "task/"+strconv.Itoa(tid)+"/schedstat"))
	if err != nil {
		return 0, 0
	}
	return parseSchedstat(data)
}

// parseSchedstat reads the first two fields, nanoseconds, see
// Documentation/scheduler/sched-stats in the kernel.
func parseSchedstat(data []byte) (run, delay float64) {
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, 0
	}
	run, err1 := strconv.ParseFloat(fields[0], 64)
	delay, err2 := strconv.ParseFloat(fields[1], 64)
	if err1 != nil || err2 != nil {
		return 0, 0
	}
	return run / 1e9, delay / 1e9
}

// Processes returns the ids of all processes that can be seen.
func Processes() []int { return numbers("/proc") }

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
