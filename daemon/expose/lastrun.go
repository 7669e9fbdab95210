package expose

import (
	"math"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"benchd/daemon/bench"
)

// lastRunHelp ends the HELP of every benchd_last_run_ gauge. Runs that failed
// do not touch them: half a run's figures would be taken for a fast model.
const lastRunHelp = " Latest run with outcome ok, see benchd_last_run_timestamp_seconds for its age."

// goodRun is a run with its figures, which are not nil.
type goodRun struct {
	*bench.Run
	*bench.Figures
}

// figure is a gauge of one figure of the last good run of an experiment.
type figure struct {
	desc  *prometheus.Desc
	value func(goodRun) *float64 // nil: not known, no series
}

// lastRunFigures are all gauges of the last run that need no label of their
// own. Those that could be divided out of others are there so that a table
// needs one query; sums over experiments must still be built from the parts.
var lastRunFigures = []figure{
	lastRun("timestamp_seconds", func(r goodRun) *float64 { return new(unixSeconds(r.Ended)) },
		"When the run ended."),
	lastRun("cycle", func(r goodRun) *float64 { return new(float64(r.Cycle)) },
		"Number of the run's cycle: compare figures of the same cycle."),
	lastRun("warm_up", func(r goodRun) *float64 { return new(boolValue(r.WarmUp)) },
		"1 if the run was in the first cycle after a start, which no baseline uses."),
	lastRun("clean", func(r goodRun) *float64 { return new(boolValue(r.Clean())) },
		"1 if nothing was found that disturbs the figures, 0 if the run is dirty: benchd_last_run_noise says why."),

	lastRun("duration_seconds", func(r goodRun) *float64 { return &r.WallSeconds },
		"Wall time of the measured region by the daemon's clock, set-up and tear-down left out."),
	lastRun("workload_duration_seconds", func(r goodRun) *float64 { return &r.WorkloadSeconds },
		"Wall time of the measured region as the workload clocked it."),
	lastRun("pass_duration_seconds", func(r goodRun) *float64 { return known(r.PassSeconds(), r.Passes) },
		"Wall time of going through the task's input once: the execution time of the study."),
	lastRun("passes", func(r goodRun) *float64 { return &r.Passes },
		"Times that the task's input was gone through."),

	lastRun("units", func(r goodRun) *float64 { return &r.Units },
		"Units of work done, in the task's unit."),
	lastRun("units_per_second", func(r goodRun) *float64 { return known(r.UnitsPerSecond(), r.WallSeconds) },
		"Throughput: units of work done by wall time."),
	lastRun("items", func(r goodRun) *float64 { return &r.Items },
		"Items of input handled, failed ones included."),
	lastRun("failed_items", func(r goodRun) *float64 { return new(r.FailedItems()) },
		"Items of input that failed, of all kinds."),
	lastRun("error_ratio", func(r goodRun) *float64 { return known(r.ErrorRatio(), r.Items) },
		"Share of the items that failed, 0 to 1."),
	lastRun("sent_bytes", func(r goodRun) *float64 { return &r.BytesSent },
		"Bytes sent, as the workload counted them."),
	lastRun("received_bytes", func(r goodRun) *float64 { return &r.BytesReceived },
		"Bytes received, as the workload counted them."),
	lastRun("written_bytes", func(r goodRun) *float64 { return &r.BytesWritten },
		"Bytes written to files, as the workload counted them."),

	lastRun("cpu_seconds", func(r goodRun) *float64 { return new(r.CPUSeconds()) },
		"CPU time of the whole process tree in the measured region, user and system, exact."),
	lastRun("cpu_user_seconds", func(r goodRun) *float64 { return &r.CPUUserSeconds },
		"CPU time of the whole process tree in user mode."),
	lastRun("cpu_system_seconds", func(r goodRun) *float64 { return &r.CPUSystemSeconds },
		"CPU time of the whole process tree in system mode."),
	lastRun("cpu_seconds_per_unit", func(r goodRun) *float64 { return known(r.CPUSecondsPerUnit(), r.Units) },
		"CPU time, user and system, by units of work done."),
	lastRun("cpu_usage_ratio", func(r goodRun) *float64 { return known(r.CPUPercent()/100, r.WallSeconds) },
		"CPU time by wall time, exact average: 1 is one core busy all the time."),
	lastRun("cpu_usage_max_ratio", func(r goodRun) *float64 { return ratioOf(r.CPUPercentMax) },
		"Largest CPU usage of the process tree over windows of at least 100 ms, 1 is one core; absent with too few samples."),
	lastRun("system_cpu_usage_ratio", func(r goodRun) *float64 { return ratioOf(r.SystemCPUPercentAvg) },
		"Average CPU usage of the whole machine, 1 is all cores; steal and iowait are not busy; absent for runs too short for the 10 ms in which the kernel tells it."),
	lastRun("system_cpu_usage_max_ratio", func(r goodRun) *float64 { return ratioOf(r.SystemCPUPercentMax) },
		"Largest CPU usage of the whole machine over a sample, 1 is all cores; steal and iowait are not busy."),

	lastRun("memory_peak_bytes", func(r goodRun) *float64 { return r.PeakMemoryBytes },
		"Peak memory: high-water mark of the resident set of one process; of several, the largest sample of the sum of their proportional set sizes; absent where the kernel does not tell it."),
	lastRun("memory_average_bytes", func(r goodRun) *float64 { return r.AvgMemoryBytes },
		"Average memory over the samples: resident set of one process; of several, the sum of their proportional set sizes; absent where the kernel does not tell it."),
	lastRun("threads_max", func(r goodRun) *float64 { return &r.ThreadsMax },
		"Most threads of the process tree at a time."),
	lastRun("processes_max", func(r goodRun) *float64 { return &r.ProcessesMax },
		"Most processes of the tree at a time."),
	lastRun("voluntary_context_switches", func(r goodRun) *float64 { return r.VoluntarySwitches },
		"Context switches of the process tree because it waited."),
	lastRun("involuntary_context_switches", func(r goodRun) *float64 { return r.InvoluntarySwitches },
		"Context switches of the process tree because its time was up."),
	lastRun("disk_read_bytes", func(r goodRun) *float64 { return r.DiskReadBytes },
		"Bytes that the process tree read from storage, page cache left out."),
	lastRun("disk_written_bytes", func(r goodRun) *float64 { return r.DiskWrittenBytes },
		"Bytes that the process tree caused to be written to storage."),
	lastRun("network_received_bytes", func(r goodRun) *float64 { return r.NetworkReceivedBytes },
		"Bytes received in the network namespace, whoever caused them; loopback counts each byte as sent and as received."),
	lastRun("network_sent_bytes", func(r goodRun) *float64 { return r.NetworkSentBytes },
		"Bytes sent in the network namespace, whoever caused them; loopback counts each byte as sent and as received."),

	lastRun("run_delay_seconds", func(r goodRun) *float64 { return r.RunDelaySeconds },
		"Time in which threads of the process tree could have run but had no CPU, added up over the threads."),
	lastRun("foreign_cpu_seconds", func(r goodRun) *float64 { return r.ForeignCPUSeconds },
		"CPU time used meanwhile by anything but the workload and the httpbin."),
	lastRun("steal_seconds", func(r goodRun) *float64 { return r.StealSeconds },
		"CPU time taken meanwhile by the hypervisor, all cores."),
	lastRun("steal_ratio", func(r goodRun) *float64 { return ratioOf(r.StealPercent) },
		"Share of the time of all cores taken by the hypervisor, 0 to 1."),
	lastRun("cpu_pressure_ratio", func(r goodRun) *float64 { return ratioOf(r.CPUPressurePercent) },
		"Share of wall time in which some task of the host waited for CPU (PSI some), 0 to 1."),
	lastRun("io_pressure_ratio", func(r goodRun) *float64 { return ratioOf(r.IOPressurePercent) },
		"Share of wall time in which some task of the host waited for IO (PSI some), 0 to 1."),
	lastRun("memory_pressure_ratio", func(r goodRun) *float64 { return ratioOf(r.MemPressurePercent) },
		"Share of wall time in which some task of the host waited for memory (PSI some), 0 to 1."),
	lastRun("throttled_periods", func(r goodRun) *float64 { return r.ThrottledPeriods },
		"Scheduling periods in which the cgroup's CPU limit was hit."),
	lastRun("throttled_seconds", func(r goodRun) *float64 { return r.ThrottledSeconds },
		"Time for which the cgroup's CPU limit stopped tasks."),

	lastRun("frozen_seconds", func(r goodRun) *float64 { return &r.FrozenSeconds },
		"Time in which the workload was stopped, or the daemon, which then cannot tell: by a signal, a frozen cgroup, a debugger, or with the whole machine."),

	lastRun("server_bound", goodRun.serverBound,
		"1 if the httpbin, not the client, limited the run; absent where the server's CPU time is not known."),
	lastRun("server_cpu_seconds", func(r goodRun) *float64 { return r.ServerCPUSeconds },
		"CPU time that the httpbin used meanwhile, user and system."),
	lastRun("server_memory_bytes", func(r goodRun) *float64 { return r.ServerMemoryBytes },
		"Resident set of the httpbin at the end of the run."),

	lastRun("samples", func(r goodRun) *float64 { return new(float64(r.Figures.Samples)) },
		"Samples taken while the workload ran."),
	lastRun("sampler_cpu_seconds", func(r goodRun) *float64 { return &r.SamplerSeconds },
		"CPU time that benchd spent on sampling the run."),
}

var (
	lastRunNoise = prometheus.NewDesc("benchd_last_run_noise",
		"1 for each cause that disturbed the run, 0 for the others."+lastRunHelp, withLabels("cause"), nil)
	// The label is not named quantile: that name is reserved for summaries,
	// whose count and sum would have to be counters.
	lastRunLatency = prometheus.NewDesc("benchd_last_run_request_duration_seconds",
		"Duration that so many percent of the items (HTTP requests) did not exceed; in a closed loop, which a task is unless its description says otherwise, service time."+lastRunHelp, withLabels("percentile"), nil)
)

// percentiles are those of benchd_last_run_request_duration_seconds.
var percentiles = []int{50, 90, 99}

func (r goodRun) serverBound() *float64 {
	if r.ServerCPUSeconds == nil {
		return nil
	}
	return new(boolValue(r.ServerBound))
}

func lastRun(name string, value func(goodRun) *float64, help string) figure {
	return figure{prometheus.NewDesc("benchd_last_run_"+name, help+lastRunHelp, experimentLabels, nil), value}
}

// lastRunMetrics makes the gauges of a run with figures.
func lastRunMetrics(r *bench.Run) []prometheus.Metric {
	labels := labelsOf(r.Key)
	var ms []prometheus.Metric
	for _, f := range lastRunFigures {
		if v := f.value(goodRun{r, r.Figures}); v != nil {
			ms = append(ms, gauge(f.desc, *v, labels...))
		}
	}
	for _, cause := range bench.Noises() {
		found := slices.Contains(r.Noise, cause)
		ms = append(ms, gauge(lastRunNoise, boolValue(found), labelsOf(r.Key, string(cause))...))
	}
	if r.Figures.Latency == nil {
		return ms
	}
	for _, p := range percentiles {
		if v := r.Figures.Latency.Quantile(float64(p) / 100); !math.IsNaN(v) {
			ms = append(ms, gauge(lastRunLatency, v, labelsOf(r.Key, strconv.Itoa(p))...))
		}
	}
	return ms
}

// known is v, or nil where the divisor it came from is 0.
func known(v, divisor float64) *float64 {
	if divisor == 0 {
		return nil
	}
	return &v
}

// ratioOf turns per cent into a share.
func ratioOf(percent *float64) *float64 {
	if percent == nil {
		return nil
	}
	return new(*percent / 100)
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
