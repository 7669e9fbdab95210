package grafana

var outcomes = []state{{0, "ok", "green"}, {1, "wrong result", "red"}, {2, "failed", "red"}, {3, "timeout", "orange"}, {4, "bad protocol", "purple"}, {5, "killed", "dark-orange"}, {6, "skipped", "text"}}

// outcome gives the latest attempt's outcome as the number in outcomes.
func outcome(selector string) string {
	expr := ""
	for i, o := range []string{"ok", "wrong_result", "failed", "timeout", "bad_protocol", "killed", "skipped"} {
		if i > 0 {
			expr += " or "
		}
		expr += strip(`benchd_last_attempt_outcome{`+selector+`,outcome="`+o+`"} == 1`) + " * " + string(rune('0'+i))
	}
	return expr
}

func experiment() Dashboard {
	const notNow = "only while this experiment is running, and a short run can end between two scrapes"
	l := func(metric, legend string) query { return q(strip(last(metric, ofExperiment)), legend) }
	now := func(metric, legend string) query {
		return q(strip("benchd_running_"+metric+"{"+ofExperiment+"}"), legend).orEmpty(notNow)
	}
	stat := func(title, about, unit string, decimals int, metric string) Panel {
		return figureOf(title, about, unit, decimals).stat(l(metric, ""))
	}
	return frame("benchd-experiment", "benchd: one experiment",
		"What happened in the runs of one experiment, and may its figures be trusted?",
		[]Variable{
			choice("task", "benchd_experiment_info{"+ofInstance+"}").first("io-bound"),
			choice("runtime", `benchd_experiment_info{`+ofInstance+`,task="$task"}`),
			choice("model", `benchd_experiment_info{`+ofInstance+`,task="$task",runtime="$runtime"}`).first("asyncio"),
			choice("concurrency", `benchd_experiment_info{`+ofInstance+`,task="$task",runtime="$runtime",model="$model"}`).first("100"),
			{Name: "benchd_url", Label: "benchd's address", Type: "textbox", Query: "http://localhost:9911",
				Current: &Current{Text: "http://localhost:9911", Value: "http://localhost:9911"}},
		},
		section("The latest good run",
			beside(4,
				stat("Execution time", "Once through the task's input, set-up left out.", "s", 2, "pass_duration_seconds"),
				stat("Units per second", "Units of work done by wall time, in the task's unit.", "short", 1, "units_per_second"),
				stat("CPU per unit", "CPU seconds of the process tree by units of work.", "s", 2, "cpu_seconds_per_unit"),
				stat("Peak memory", "Resident set of one process; of several, the sum of proportional set sizes.", "bytes", 1, "memory_peak_bytes"),
				figureOf("Clean?", "Whether anything was found that disturbed the run.", "none", 0).stat(l("clean", "")).says([]state{{1, "clean", "green"}, {0, "dirty", "orange"}}),
				figureOf("Ended", "When the latest good run ended, and how old its figures are.", "dateTimeFromNow", 0).stat(q("1000 * "+strip(last("timestamp_seconds", ofExperiment)), "good run"),
					q("1000 * "+strip("last_over_time(benchd_last_attempt_timestamp_seconds{"+ofExperiment+"}[$__range])"), "any run")).stacked()),
			beside(4,
				figureOf("What is it?", "Program, libraries and input of the experiment.", "none", 0).
					table([]column{of("title", "Task", 200), of("source", "Program", 0), of("client", "Client library", 250), of("runtime_version", "Version", 90), of("gil", "GIL", 90), of("size", "Size", 90)}, "Task", false,
						q(`max by (`+ids+`, title, source, client, runtime_version, gil, size) (benchd_experiment_info{`+ofExperiment+`})`, ""))),
			beside(4,
				figureOf("What went through it?", "Input of one pass and what it must yield; what the latest good run handled in all its passes.", "none", 0).
					table([]column{value("A", "Items", "short", 0), value("B", "Units", "short", 1), value("C", "Handled", "short", 0), value("D", "Passes", "none", 0), value("E", "Cycle", "none", 0),
						value("F", "Samples", "none", 0), verdict("G", "Cycle was", []state{{0, "regular", "text"}, {1, "warm-up", "orange"}})}, "Items", false,
						q(strip(`benchd_experiment_expected_items{`+ofExperiment+`}`), ""), q(strip(`benchd_experiment_expected_units{`+ofExperiment+`}`), ""),
						q(strip(last("items", ofExperiment)), ""), q(strip(last("passes", ofExperiment)), ""), q(strip(last("cycle", ofExperiment)), ""), q(strip(last("samples", ofExperiment)), ""),
						q(strip(last("warm_up", ofExperiment)), "")))),
		judgedFigures(),
		section("History",
			beside(9,
				figureOf("How long did its runs take?", "Wall time of the measured region by benchd's clock and by the program's; and once through the input. Each step is a run.", "s", 2).
					lines(l("duration_seconds", "region, benchd's clock"), l("workload_duration_seconds", "region, program's clock"), l("pass_duration_seconds", "once through the input")),
				figureOf("How long did its runs take, all of them?", "Good runs by wall time of the measured region, disturbed ones included: a column for each time in which a run ended.", "s", 2).
					heatmap(q(once("le", `increase(benchd_run_duration_seconds_bucket{`+ofExperiment+`}[$__rate_interval])`), "{{le}}"))),
			beside(7,
				figureOf("How did its runs end?", "Outcome of the latest attempt at each time.", "none", 0).timeline(outcomes, q(outcome(ofExperiment), "outcome")),
				figureOf("How many runs of each outcome?", "Runs over the time shown, by outcome; and good ones in which nothing disturbed.", "short", 0).
					bars(q(grown("runs_total", ofExperiment, "outcome"), "{{outcome}}"),
						q(grown("clean_runs_total", ofExperiment, ""), "ok and clean"))),
			beside(6,
				figureOf("How much of the input failed, by kind?", "Failed items over the time shown, by the kind that the program gave.", "short", 0).orElse("no item failed").
					bars(q(grown("item_errors_total", ofExperiment, "kind"), "{{kind}}").orEmpty("no item failed"),
						q(grown("failed_items_total", ofExperiment, ""), "all kinds")),
				text("What was the last error?", "An error's text is not a metric. benchd keeps it with the run, newest first:\n\n"+
					"- [runs that failed](${benchd_url}/api/v1/runs?task=${task:percentencode}&runtime=${runtime:percentencode}&model=${model:percentencode}&concurrency=${concurrency}&outcome=failed)\n"+
					"- [all runs](${benchd_url}/api/v1/runs?task=${task:percentencode}&runtime=${runtime:percentencode}&model=${model:percentencode}&concurrency=${concurrency})"))),
		section("CPU and memory",
			beside(9,
				figureOf("How much CPU time did a run take?", "CPU seconds of the whole process tree in the measured region, exact.", "s", 2).
					lines(l("cpu_seconds", "user and system"), l("cpu_user_seconds", "user"), l("cpu_system_seconds", "system")),
				figureOf("How busy was it?", "CPU time by wall time, 100 % is one core: average, and largest over windows of at least 100 ms. The machine: 100 % is all cores.", "percentunit", 1).
					lines(l("cpu_usage_ratio", "process, average"), l("cpu_usage_max_ratio", "process, at most").orEmpty(tooShort),
						l("system_cpu_usage_ratio", "machine, average").orEmpty(tooBrief), l("system_cpu_usage_max_ratio", "machine, at most").orEmpty(tooShort))),
			beside(9,
				figureOf("How much memory?", "Average over the samples, and peak.", "bytes", 1).lines(l("memory_peak_bytes", "peak"), l("memory_average_bytes", "average")),
				figureOf("How many threads and processes?", "Most at a time in the process tree.", "none", 0).lines(l("threads_max", "threads"), l("processes_max", "processes"))),
			beside(6,
				figureOf("While it runs: CPU", "CPU usage of the process tree over the latest sample, seen at each scrape.", "percentunit", 0).orElse(notNow).lines(now("cpu_usage_ratio", "CPU")),
				figureOf("While it runs: memory", "Memory of the process tree at the latest sample, seen at each scrape.", "bytes", 1).orElse(notNow).lines(now("memory_bytes", "memory")),
				figureOf("While it runs: threads and processes", "Of the process tree at the latest sample, seen at each scrape.", "none", 0).orElse(notNow).lines(now("threads", "threads"), now("processes", "processes")))),
		section("May the figures be trusted?",
			beside(9,
				figureOf("How much was it disturbed?", "Run delay: time in which its threads could have run but had no CPU, added up. Stolen: taken by the hypervisor. Foreign: CPU time used by others. Frozen: stopped as a whole. Throttled: stopped by a CPU limit.", "s", 2).
					lines(l("run_delay_seconds", "run delay"), l("steal_seconds", "stolen"), l("foreign_cpu_seconds", "foreign"), l("frozen_seconds", "frozen").orEmpty("absent where it cannot be told"), l("throttled_seconds", "throttled").orEmpty("absent without a cgroup that counts it")),
				figureOf("How great was the pressure?", "Share of wall time in which some task of the host waited for CPU, IO or memory (PSI some); share of the cores' time that was stolen.", "percentunit", 1).
					orElse("this kernel reports no pressure").
					lines(l("cpu_pressure_ratio", "CPU"), l("io_pressure_ratio", "IO"), l("memory_pressure_ratio", "memory"), l("steal_ratio", "stolen"))),
			beside(7,
				figureOf("What disturbed it?", "1 for each cause found in the latest good run at each time.", "none", 0).
					timeline([]state{{0, "no", "green"}, {1, "yes", "orange"}}, q(once("cause", last("noise", ofExperiment)), "{{cause}}")),
				figureOf("How many runs were disturbed?", "Good runs over the time shown, by cause; one with two causes counts under each.", "short", 0).
					bars(q(grown("dirty_runs_total", ofExperiment, "cause"), "{{cause}}"))),
			beside(9,
				figureOf("How often was it switched?", "Context switches of the process tree: because it waited, because its time was up; periods in which the CPU limit was hit.", "short", 0).
					lines(l("voluntary_context_switches", "waited"), l("involuntary_context_switches", "time was up"), l("throttled_periods", "throttled periods").orEmpty("absent without a cgroup that counts it")),
				figureOf("What went over disk and network?", "Storage: of the process tree, page cache left out. Network: of the whole namespace, loopback counts twice. The program's: by its own count.", "bytes", 1).
					lines(l("disk_read_bytes", "read from storage"), l("disk_written_bytes", "written to storage"), l("network_received_bytes", "namespace received"), l("network_sent_bytes", "namespace sent"),
						l("received_bytes", "program received"), l("sent_bytes", "program sent"), l("written_bytes", "program wrote")),
				figureOf("What did benchd and the httpbin take?", "CPU time that benchd spent on sampling the run, and that the httpbin used meanwhile.", "s", 2).
					lines(l("sampler_cpu_seconds", "benchd"), l("server_cpu_seconds", "httpbin").orEmpty(noServer)))),
		section("All its runs together",
			beside(6,
				figureOf("Wall time spent on it", "From the start of each process until nothing of it was left, set-up included, over the time shown.", "s", 1).stat(q(grown("run_seconds_total", ofExperiment, ""), "")),
				figureOf("CPU time spent on it", "CPU time of the measured regions of good runs over the time shown.", "s", 2).stat(q(grown("run_cpu_seconds_total", ofExperiment, ""), "")),
				figureOf("Work done", "Units of work of good runs, and items handled in all that reported a result, over the time shown.", "short", 1).
					stat(q(grown("units_total", ofExperiment, ""), "units"), q(grown("items_total", ofExperiment, ""), "items")),
				figureOf("Stray processes", "Processes that runs left behind and benchd killed, over the time shown.", "none", 0).
					stat(q(grown("stray_processes_total", ofExperiment, ""), "")).thresholds(0.5, "orange"))),
	)
}
