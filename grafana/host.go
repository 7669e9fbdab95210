package grafana

func host() Dashboard {
	all := func(metric string) string { return "benchd_" + metric + "{" + ofInstance + "}" }
	one := func(metric, legend string) query { return q(once("instance", all(metric)), legend) }
	job := func(metric string) string { return metric + `{job=~"$job",` + ofInstance + `}` }
	share := func(title, about, metric string) Panel {
		return figureOf(title, about, "percentunit", 1).lines(q("max by (instance, task) ("+all("last_run_"+metric)+")", "{{task}}"))
	}
	const noLimit = "no limit"
	return frame("benchd-host", "benchd: host and benchd",
		"Is the host quiet enough to be believed, and is benchd itself well?",
		// Something else of the machine may have the same instance.
		[]Variable{choice("job", "benchd_build_info{"+ofInstance+"}").several().hidden()},
		section("Is benchd well?",
			beside(4,
				figureOf("Up", "Whether Prometheus could scrape benchd.", "none", 0).stat(q(once("instance", job("up")), "")).says([]state{{1, "up", "green"}, {0, "down", "red"}}),
				figureOf("Version", "Of benchd, and of Go that it was built with.", "none", 0).stat(q("max by (instance, version, revision, goversion) ("+all("build_info")+")", "{{version}} {{revision}} {{goversion}}")).named(),
				figureOf("Cycle", "Number of the current or latest cycle.", "none", 0).stat(one("cycle_number", "")),
				figureOf("Kind of cycle", "The first cycle after a start warms up; no baseline uses it.", "none", 0).stat(one("cycle_warm_up", "")).says([]state{{1, "warm-up", "orange"}, {0, "regular", "green"}}),
				figureOf("Runs of the cycle", "Done, and planned.", "none", 0).stat(one("cycle_done_runs", "done"), one("cycle_planned_runs", "planned")),
				figureOf("Cycles", "Since benchd was started: ended, and not done when the next was due.", "none", 0).stat(one("cycles_total", "ended"), one("cycle_overruns_total", "overran"))),
			beside(8,
				figureOf("How long does a cycle take?", "Wall time of the latest cycle that ended, and the time from one start to the next. Near the interval, cycles overrun.", "s", 1).
					lines(one("last_cycle_duration_seconds", "cycle"), one("cycle_interval_seconds", "interval")),
				figureOf("When does it run?", "Whether a cycle, and a run, is going on.", "none", 0).
					timeline([]state{{0, "no", "text"}, {1, "yes", "blue"}}, one("cycle_in_progress", "cycle"), one("runs_in_progress", "run"))),
			beside(8,
				figureOf("Which experiments are skipped, and why?", "Experiments that cannot run here. benchd's log and its API say what is missing.", "none", 0).
					table(append(identity(), of("reason", "Reason", 0)), "Task", false,
						q(once(ids+", reason", all("experiment_skipped"))+` == 1 or on () label_replace(absent(`+all("experiment_skipped")+`), "reason", "none is skipped", "", "")`, "")),
				figureOf("Skipped", "Experiments that cannot run here, by reason.", "none", 0).stat(q(once("reason", all("skipped_experiments")), "{{reason}}")).thresholds(1.0, "orange").wide(4),
				figureOf("What is running now?", "When the run that is going on was started.", "dateTimeFromNow", 0).orElse("between runs").
					stat(q("1000 * "+strip(all("running_start_timestamp_seconds")), "{{task}} {{model}} {{concurrency}} {{runtime}}").orEmpty("between runs nothing runs")).wide(7)),
		),
		section("Is the host quiet?",
			judgedHost(),
			beside(9,
				figureOf("How many good runs were disturbed?", "Share of the good runs over the time shown in which something disturbed the figures, by task.", "percentunit", 1).
					bars(q("sort_desc(1 - "+grown("clean_runs_total", ofInstance, "task")+" / "+grown("runs_total", ofInstance+`,outcome="ok"`, "task")+")", "{{task}}")),
				figureOf("What disturbed them?", "Good runs over the time shown, by cause; one with two causes counts under each.", "short", 0).
					bars(q("sort_desc("+grown("dirty_runs_total", ofInstance, "cause")+")", "{{cause}}")),
				figureOf("Is the canary steady?", "Time for a fixed piece of work: spin stands for the processor, io for network and httpbin. If it rises, the host got slower, not a model.", "s", 2).
					lines(q(strip(last("pass_duration_seconds", ofInstance+`,task="canary"`)), experimentName))),
			beside(8,
				figureOf("How long did runs wait for a CPU?", "Run delay by wall time: the largest of the latest runs of each task. Above 2 % a run is dirty, as far as others can have caused it.", "percentunit", 1).
					lines(q("max by (instance, task) ("+all("last_run_run_delay_seconds")+" / "+all("last_run_duration_seconds")+")", "{{task}}")),
				share("How much was stolen?", "Share of the time of all cores taken by the hypervisor: the largest of the latest runs of each task. Above 2 % a run is dirty.", "steal_ratio")),
			beside(8,
				share("Pressure on CPU", "PSI: share of wall time in which some task of the host waited for CPU, workload included; the largest of the latest runs of each task.", "cpu_pressure_ratio"),
				share("Pressure on IO", "PSI: share of wall time in which some task of the host waited for IO; the largest of the latest runs of each task.", "io_pressure_ratio"),
				share("Pressure on memory", "PSI: share of wall time in which some task of the host waited for memory; the largest of the latest runs of each task.", "memory_pressure_ratio")),
			beside(5,
				figureOf("What machine is it?", "What benchd found at its start.", "none", 0).
					table([]column{of("instance", "Instance", 150), of("cpu_model", "CPU", 0), of("architecture", "Architecture", 110), of("os", "System", 0), of("kernel", "Kernel", 0)}, "Instance", false,
						q("max by (instance, cpu_model, architecture, os, kernel) ("+all("host_info")+")", "")).wide(12),
				figureOf("Cores", "That benchd may use, and the limit of its cgroup.", "none", 1).stat(one("host_cores", "cores"), one("host_cpu_limit_cores", "limit").orEmpty(noLimit)).wide(6),
				figureOf("Memory", "Of the machine, and the limit of benchd's cgroup.", "bytes", 1).stat(one("host_memory_bytes", "memory"), one("host_memory_limit_bytes", "limit").orEmpty(noLimit)).wide(6))),
		section("Is the httpbin well?",
			beside(8,
				figureOf("Does it answer?", "Whether the httpbin answered benchd.", "none", 0).timeline([]state{{1, "up", "green"}, {0, "down", "red"}}, one("httpbin_up", "httpbin")).wide(6),
				figureOf("How busy is it?", "Cores that the httpbin keeps busy.", "none", 2).orElse(noServer).lines(q(once("instance", "rate("+all("httpbin_cpu_seconds_total")+"[$__rate_interval])"), "httpbin").orEmpty(noServer)).wide(7),
				figureOf("How much memory has it?", "Resident set of the httpbin.", "bytes", 1).orElse(noServer).lines(one("httpbin_memory_bytes", "httpbin").orEmpty(noServer)).wide(7),
				figureOf("Restarts", "Times that the httpbin was seen to have restarted, since benchd was started; 0 if it does not tell its usage.", "none", 0).orElse(noServer).stat(one("httpbin_restarts_total", "").orEmpty(noServer)).thresholds(1.0, "orange").wide(4))),
		section("What does benchd itself cost?",
			beside(8,
				figureOf("How much CPU does benchd take?", "Cores that benchd keeps busy, workloads not included; and of that what sampling takes.", "none", 3).
					lines(q(once("instance", "rate("+job("process_cpu_seconds_total")+"[$__rate_interval])"), "benchd"), q(once("instance", "rate("+all("sampler_cpu_seconds_total")+"[$__rate_interval])"), "sampling")),
				figureOf("How much memory does benchd take?", "Resident set of benchd.", "bytes", 1).lines(q(once("instance", job("process_resident_memory_bytes")), "benchd")),
				figureOf("How long does a scrape take?", "Time in which Prometheus reads benchd's metrics.", "s", 2).lines(q(once("instance", job("scrape_duration_seconds")), "benchd"))),
			beside(5,
				figureOf("Recording a run", "Wall time of writing a run to the history: average, over the time shown.", "s", 2).
					stat(q("max(increase("+all("record_duration_seconds_sum")+"[$__range]) / increase("+all("record_duration_seconds_count")+"[$__range]))", "average")),
				figureOf("How much was not recorded?", "Runs, and changes that were found, over the time shown that could not be written to the history: is the disk full?", "none", 0).
					stat(q("max(increase("+all("record_errors_total")+"[$__range]))", "runs"), q("max(increase("+all("unrecorded_changes_total")+"[$__range]))", "changes")).thresholds(0.5, "red"),
				figureOf("What needs a look?", "Results that wait to be written, records that were found damaged and set aside, and what runs left and could not be removed or killed. The log names each.", "none", 0).
					stat(one("waiting_results", "waiting"), q("sum("+once("instance, kind", all("damaged_records_total"))+")", "damaged"), one("scratch_leftovers", "files left"), one("leftover_processes", "processes left")).thresholds(1.0, "orange"),
				figureOf("Its history, and room for it", "Size of what benchd keeps in its data folder, and free space of the file system it is on.", "bytes", 1).
					stat(one("data_size_bytes", "history"), one("data_free_bytes", "free")),
				figureOf("How many series does it have?", "Series that a scrape of benchd returned.", "short", 0).stat(q(once("instance", job("scrape_samples_scraped")), "")))),
	)
}
