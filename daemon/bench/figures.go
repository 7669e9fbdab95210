package bench

// Figures are what was measured of one run between the gates: from the moment
// the workload was told to start to the moment its result was read. Pointers
// are nil where the machine does not offer the figure, or where there were
// too few samples to report it. Percentages of a process are of one core, so
// two busy cores are 200; those of the system are of all cores, so 100 is all.
type Figures struct {
	WallSeconds     float64 `json:"wall_seconds"`     // by the daemon's monotonic clock
	WorkloadSeconds float64 `json:"workload_seconds"` // the same, as the workload clocked it

	// CPU time of the whole process tree, exact: CPU clocks of the living
	// processes plus what they had reaped. How it divides into user and system
	// time is known in steps of 10 ms, so below that it is all user time.
	CPUUserSeconds   float64  `json:"cpu_user_seconds"`
	CPUSystemSeconds float64  `json:"cpu_system_seconds"`
	CPUPercentMax    *float64 `json:"cpu_percent_max"` // over windows of at least 100 ms; nil with fewer than 5

	SystemCPUPercentAvg *float64 `json:"system_cpu_percent_avg"` // steal and iowait are not busy; nil for a moment too short
	SystemCPUPercentMax *float64 `json:"system_cpu_percent_max"`

	// What others used is what is missing in the kernel's account of idle and
	// stolen time, which has steps of 10 ms. It is right to some 10 ms a second
	// on a virtual machine, and too low by part of what was stolen.
	RunDelaySeconds    *float64 `json:"run_delay_seconds"`       // runnable but not running, over all threads
	ForeignCPUSeconds  *float64 `json:"foreign_cpu_seconds"`     // CPU used by anything but the workload and the httpbin
	StealSeconds       *float64 `json:"steal_seconds"`           // taken by the hypervisor, over all cores
	StealPercent       *float64 `json:"steal_percent"`           // of the time of all cores
	CPUPressurePercent *float64 `json:"cpu_pressure_percent"`    // PSI "some", host-wide
	IOPressurePercent  *float64 `json:"io_pressure_percent"`     // PSI "some", host-wide
	MemPressurePercent *float64 `json:"memory_pressure_percent"` // PSI "some", host-wide
	ThrottledPeriods   *float64 `json:"throttled_periods"`       // of the daemon's cgroup and those above it
	ThrottledSeconds   *float64 `json:"throttled_seconds"`       // of the daemon's cgroup and those above it

	// Time in which processes of the workload were stopped, or the daemon was and
	// could not tell whether they were: by a signal, by a frozen cgroup, with the
	// whole machine, or all the time under a debugger. Of the stops that the daemon
	// did not see in between two samples, those of the first process are in it, and
	// those by a cgroup where the kernel counts them (6.17).
	FrozenSeconds float64 `json:"frozen_seconds"`

	// Memory. One process: resident set (RSS), its peak being the kernel's
	// high-water mark, and nil where that cannot be reset and is of the set-up.
	// Several: the sum of their proportional set sizes (PSS), its peak being the
	// largest sample; nil where one of the samples had no PSS, for their RSS counts
	// shared pages for each. The average is over time.
	PeakMemoryBytes *float64 `json:"peak_memory_bytes"`
	AvgMemoryBytes  *float64 `json:"avg_memory_bytes"`

	ThreadsMax   float64 `json:"threads_max"`
	ProcessesMax float64 `json:"processes_max"`
	// Where threads or children ended meanwhile these are of the whole life less
	// what was known at the start, so that those of the exit are in them.
	VoluntarySwitches   *float64 `json:"voluntary_switches"`
	InvoluntarySwitches *float64 `json:"involuntary_switches"`

	DiskReadBytes    *float64 `json:"disk_read_bytes"`    // reached the block layer, whole tree
	DiskWrittenBytes *float64 `json:"disk_written_bytes"` // will reach the block layer, whole tree
	// Of the network namespace, whoever caused them; loopback counts each
	// byte as sent and as received.
	NetworkReceivedBytes *float64 `json:"network_received_bytes"`
	NetworkSentBytes     *float64 `json:"network_sent_bytes"`

	// What the workload reported.
	Units         float64            `json:"units"`
	Items         float64            `json:"items"`
	Passes        float64            `json:"passes"`           // times the task's input was gone through
	Errors        map[string]float64 `json:"errors,omitempty"` // failed items by kind
	BytesSent     float64            `json:"bytes_sent"`
	BytesReceived float64            `json:"bytes_received"`
	BytesWritten  float64            `json:"bytes_written"`
	Latency       *Histogram         `json:"latency,omitempty"`

	// The httpbin, where it tells its usage.
	ServerCPUSeconds  *float64 `json:"server_cpu_seconds"`
	ServerMemoryBytes *float64 `json:"server_memory_bytes"` // RSS at the end of the run

	Samples        int     `json:"samples"`         // taken while it ran
	SamplerSeconds float64 `json:"sampler_seconds"` // CPU time that sampling took
}

// CPUSeconds is user plus system time of the whole tree.
func (f *Figures) CPUSeconds() float64 { return f.CPUUserSeconds + f.CPUSystemSeconds }

// CPUPercent is the average over the run, exact, 100 being one core.
func (f *Figures) CPUPercent() float64 { return ratio(100*f.CPUSeconds(), f.WallSeconds) }

// UnitsPerSecond is the throughput: units that succeeded, by wall time.
func (f *Figures) UnitsPerSecond() float64 { return ratio(f.Units, f.WallSeconds) }

// CPUSecondsPerUnit is the CPU cost of one unit.
func (f *Figures) CPUSecondsPerUnit() float64 { return ratio(f.CPUSeconds(), f.Units) }

// PassSeconds is the wall time of going through the task's input once: the
// study's execution time.
func (f *Figures) PassSeconds() float64 { return ratio(f.WallSeconds, f.Passes) }

// FailedItems is the number of items that failed, of all kinds.
func (f *Figures) FailedItems() float64 {
	var n float64
	for _, v := range f.Errors {
		n += v
	}
	return n
}

// ErrorRatio is the share of items that failed, 0 to 1.
func (f *Figures) ErrorRatio() float64 { return ratio(f.FailedItems(), f.Items) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
