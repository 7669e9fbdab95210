package expose

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"benchd/daemon/bench"
)

// What was found before the first run and does not change.
var (
	buildInfo = desc("benchd_build_info",
		"1, labelled by version, revision and Go version of benchd.", "version", "revision", "goversion")
	taskInfo = desc("benchd_task_info",
		"1, labelled by title, unit of work and description of a task.", "task", "title", "unit", "description")
	expectedUnits = desc("benchd_experiment_expected_units",
		"Units of work of a run in which every item succeeds, in the task's unit.", experimentLabels...)
	expectedItems = desc("benchd_experiment_expected_items",
		"Items of input that a run handles, failed ones included.", experimentLabels...)
	experimentSkipped = desc("benchd_experiment_skipped",
		"1 for an experiment that cannot run here, labelled by the reason; the API says what is missing.", withLabels("reason")...)
	skippedExperiments = desc("benchd_skipped_experiments",
		"Number of experiments that cannot run here, by reason.", "reason")

	hostInfo = desc("benchd_host_info",
		"1, labelled by what the machine is.", "cpu_model", "kernel", "os", "architecture")
	hostCores = desc("benchd_host_cores",
		"Logical CPU cores that benchd may use.")
	hostMemory = desc("benchd_host_memory_bytes",
		"Memory of the machine.")
	hostCPULimit = desc("benchd_host_cpu_limit_cores",
		"Cores that benchd's cgroup may use; absent without a limit.")
	hostMemoryLimit = desc("benchd_host_memory_limit_bytes",
		"Memory that benchd's cgroup may use; absent without a limit.")
)

// What is going on.
var (
	runsInProgress = desc("benchd_runs_in_progress",
		"1 while an experiment is running, 0 between runs.")
	runningInfo = desc("benchd_running_info",
		"1 for the experiment that is running; absent for the others.", experimentLabels...)
	runningSince = desc("benchd_running_start_timestamp_seconds",
		"When the run that is going on was started.", experimentLabels...)
	runningCPU = desc("benchd_running_cpu_usage_ratio",
		"CPU usage of the running process tree over the latest sample, 1 is one core.", experimentLabels...)
	runningMemory = desc("benchd_running_memory_bytes",
		"Memory of the running process tree at the latest sample: resident set of one process; of several, the sum of their proportional set sizes.", experimentLabels...)
	runningThreads = desc("benchd_running_threads",
		"Threads of the running process tree at the latest sample.", experimentLabels...)
	runningProcesses = desc("benchd_running_processes",
		"Processes of the running tree at the latest sample.", experimentLabels...)

	cycleNumber = desc("benchd_cycle_number",
		"Number of the current cycle or, between cycles, of the latest; counted on across restarts.")
	cycleInProgress = desc("benchd_cycle_in_progress",
		"1 while a cycle is going on, 0 between cycles.")
	cycleProgress = desc("benchd_cycle_progress_ratio",
		"Share of the cycle's runs that have ended, 0 to 1.")
	cyclePlanned = desc("benchd_cycle_planned_runs",
		"Runs that the cycle consists of.")
	cycleDone = desc("benchd_cycle_done_runs",
		"Runs of the cycle that have ended.")
	cycleWarmUp = desc("benchd_cycle_warm_up",
		"1 if the cycle is the first after a start, which no baseline uses.")
	cycleStarted = desc("benchd_cycle_start_timestamp_seconds",
		"When the cycle started.")
	cycleDuration = desc("benchd_last_cycle_duration_seconds",
		"Wall time of the latest cycle that ended.")
	cycleInterval = desc("benchd_cycle_interval_seconds",
		"Time from the start of the latest cycle that ended to the planned start of the next.")
	cycleNext = desc("benchd_next_cycle_start_timestamp_seconds",
		"When the next cycle starts; absent while one is going on.")

	serverUp = desc("benchd_httpbin_up",
		"1 if the httpbin answers.")
	serverCPU = desc("benchd_httpbin_cpu_seconds_total",
		"CPU time of the httpbin since it was started, user and system; absent if it does not tell its usage.")
	serverMemory = desc("benchd_httpbin_memory_bytes",
		"Resident set of the httpbin; absent if it does not tell its usage.")
	serverRestarts = desc("benchd_httpbin_restarts_total",
		"Times that the httpbin was seen to have restarted; 0 if it does not tell its usage.")

	dataSize = desc("benchd_data_size_bytes",
		"Space that the files in BENCHD_DATA_DIR took up when the latest cycle ended, or benchd was started.")
	dataFree = desc("benchd_data_free_bytes",
		"Space left for benchd in the file system of BENCHD_DATA_DIR.")
	damagedRecords = desc("benchd_damaged_records_total",
		"Records of the history that were damaged or lost, by kind, ever since the history began: they are set aside, and neither shown nor judged. Kind file counts the times that all of it was made anew of what could be read.", "kind")
	waitingResults = desc("benchd_waiting_results",
		"Runs and cycles that have ended and wait in memory to be recorded in the history; they are not shown before.")
	scratchLeftovers = desc("benchd_scratch_leftovers",
		"Files and folders in BENCHD_DATA_DIR that runs left and that cannot be removed; the log names them.")
	leftoverProcesses = desc("benchd_leftover_processes",
		"Processes of runs that cannot be killed, as those of another user. Runs are excluded (cause leftover) while they live; the log names them.")
)

// nowCollector yields what can change at any time, and what never does.
type nowCollector struct{ *Exposer }

func (c nowCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		buildInfo, taskInfo, expectedUnits, expectedItems, experimentSkipped, skippedExperiments,
		hostInfo, hostCores, hostMemory, hostCPULimit, hostMemoryLimit,
		runsInProgress, runningInfo, runningSince, runningCPU, runningMemory, runningThreads, runningProcesses,
		cycleNumber, cycleInProgress, cycleProgress, cyclePlanned, cycleDone, cycleWarmUp, cycleStarted,
		cycleDuration, cycleInterval, cycleNext,
		serverUp, serverCPU, serverMemory, serverRestarts,
		dataSize, dataFree, scratchLeftovers, leftoverProcesses,
	} {
		ch <- d
	}
}

func (c nowCollector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	running, waiting, cycles := c.running, c.waiting, cycleMetrics(c.cycle, c.lastCycle)
	c.mu.Unlock()
	// Live and Server are called without the lock: they may take others.
	for _, m := range slices.Concat(c.fixed, cycles, runningMetrics(running, c.options.Live),
		serverMetrics(c.options.Server), dataMetrics(c.options.Data), []prometheus.Metric{gauge(waitingResults, float64(waiting))}, leftoverMetrics(c.options.Leftovers)) {
		ch <- m
	}
}

// fixedMetrics are those that do not change while the daemon lives.
func fixedMetrics(o *Options) []prometheus.Metric {
	b, h := o.Build, o.Host
	ms := []prometheus.Metric{
		gauge(buildInfo, 1, b.Version, b.Revision, b.GoVersion),
		gauge(hostInfo, 1, h.CPUModel, h.Kernel, h.OS, h.Architecture),
		gauge(hostCores, float64(h.Cores)),
		gauge(hostMemory, h.MemoryBytes),
	}
	ms = appendKnown(ms, hostCPULimit, h.CPULimit)
	ms = appendKnown(ms, hostMemoryLimit, h.MemoryLimitBytes)

	tasks := map[string]bool{}
	skipped := map[bench.SkipReason]int{}
	for _, x := range o.Experiments {
		if !tasks[x.Task] {
			tasks[x.Task] = true
			ms = append(ms, gauge(taskInfo, 1, x.Task, x.Title, x.Unit, x.Description))
		}
		ms = append(ms,
			gauge(expectedUnits, float64(x.Expected.Units), labelsOf(x.Key)...),
			gauge(expectedItems, float64(x.Expected.Items), labelsOf(x.Key)...))
		if x.Skip != nil {
			skipped[x.Skip.Reason]++
			ms = append(ms, gauge(experimentSkipped, 1, labelsOf(x.Key, string(x.Skip.Reason))...))
		}
	}
	for _, reason := range bench.SkipReasons() {
		ms = append(ms, gauge(skippedExperiments, float64(skipped[reason]), string(reason)))
	}
	return ms
}

func runningMetrics(r *running, look func() (bench.Live, bool)) []prometheus.Metric {
	if r == nil {
		return []prometheus.Metric{gauge(runsInProgress, 0)}
	}
	labels := labelsOf(r.key)
	ms := []prometheus.Metric{
		gauge(runsInProgress, 1),
		gauge(runningInfo, 1, labels...),
		gauge(runningSince, unixSeconds(r.since), labels...),
	}
	// A process has a thread: before the first sample there are no figures.
	live, ok := look()
	if !ok || live.Key != r.key || live.Threads == 0 {
		return ms
	}
	if live.MemoryBytes > 0 {
		ms = append(ms, gauge(runningMemory, live.MemoryBytes, labels...))
	}
	return append(ms,
		gauge(runningCPU, live.CPUPercent/100, labels...),
		gauge(runningThreads, live.Threads, labels...),
		gauge(runningProcesses, live.Processes, labels...))
}

func cycleMetrics(current, ended *bench.Cycle) []prometheus.Metric {
	var ms []prometheus.Metric
	if c := current; c != nil {
		ms = append(ms,
			gauge(cycleNumber, float64(c.Number)),
			gauge(cycleInProgress, boolValue(c.Ended.IsZero())),
			gauge(cycleProgress, c.Progress()),
			gauge(cyclePlanned, float64(c.Total)),
			gauge(cycleDone, float64(c.Done)),
			gauge(cycleWarmUp, boolValue(c.WarmUp)),
			gauge(cycleStarted, unixSeconds(c.Started)))
		if !c.Next.IsZero() {
			ms = append(ms, gauge(cycleNext, unixSeconds(c.Next)))
		}
	}
	if c := ended; c != nil {
		ms = append(ms, gauge(cycleDuration, c.Ended.Sub(c.Started).Seconds()))
		if !c.Next.IsZero() {
			ms = append(ms, gauge(cycleInterval, c.Next.Sub(c.Started).Seconds()))
		}
	}
	return ms
}

func serverMetrics(look func() bench.Server) []prometheus.Metric {
	if look == nil {
		return nil
	}
	s := look()
	ms := []prometheus.Metric{
		gauge(serverUp, boolValue(s.Up)),
		prometheus.MustNewConstMetric(serverRestarts, prometheus.CounterValue, float64(s.Restarts)),
	}
	if s.CPUSeconds != nil {
		ms = append(ms, prometheus.MustNewConstMetric(serverCPU, prometheus.CounterValue, *s.CPUSeconds))
	}
	return appendKnown(ms, serverMemory, s.MemoryBytes)
}

func dataMetrics(look func() Data) []prometheus.Metric {
	if look == nil {
		return nil
	}
	d := look()
	ms := appendKnown(appendKnown(nil, dataSize, d.SizeBytes), dataFree, d.FreeBytes)
	for kind, n := range d.Damaged {
		ms = append(ms, prometheus.MustNewConstMetric(damagedRecords, prometheus.CounterValue, float64(n), kind))
	}
	return ms
}

func leftoverMetrics(look func() bench.Leftovers) []prometheus.Metric {
	left := look()
	return []prometheus.Metric{
		gauge(scratchLeftovers, float64(left.Scratch)),
		gauge(leftoverProcesses, float64(left.Processes)),
	}
}
