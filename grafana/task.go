package grafana

import "slices"

const (
	noRequests = "this task times no requests"
	noTraffic  = "this task sends nothing over the network"
	noServer   = "unknown: the httpbin does not tell its usage, or this task needs none"
	tooShort   = "absent for runs too short to have five samples"
	tooBrief   = "absent for runs too short for the kernel's steps of 10 ms"
)

func task() Dashboard {
	return frame("benchd-task", "benchd: task",
		"How do the models compare at one kind of work: the study's tables and plots, live.",
		[]Variable{
			choice("task", "benchd_experiment_info{"+ofInstance+"}").first("io-bound"),
			choice("runtime", `benchd_experiment_info{`+ofInstance+`,task="$task"}`).several(),
			choice("concurrency", `benchd_experiment_info{`+ofInstance+`,task="$task",runtime=~"$runtime"}`).several(),
			choice("title", `benchd_task_info{`+ofInstance+`,task="$task"}`).hidden(),
			choice("description", `benchd_task_info{`+ofInstance+`,task="$task"}`).hidden(),
			choice("unit", `benchd_task_info{`+ofInstance+`,task="$task"}`).hidden(),
		},
		theTask(), summary(), executionTime(), throughput(), processor(), memory(), download(), failures(), latency(), server(), verdicts(),
	)
}

func theTask() row {
	return section("The experiment",
		beside(6,
			text("What is measured?", "### $title\n\n$description\n\nThe figures vary with the machine and its load; how the models compare varies less. "+
				"Every model goes through exactly the same input, and a run with another result has failed.")),
		beside(8,
			figureOf("Where are the programs?", "Program, client library, version and global interpreter lock of each experiment's latest run; paths are inside benchd's repository.", "none", 0).
				table([]column{of("runtime", "Runtime", 105), of("model", "Model", 130), of("concurrency", "Concurrency", 100), of("source", "Program", 0),
					of("client", "Client library", 240), of("runtime_version", "Version", 85), of("gil", "GIL", 80), of("size", "Size", 80)}, "Runtime", false,
					q(`max by (`+ids+`, source, client, runtime_version, gil, size) (benchd_experiment_info{`+ofTask+`})`, ""))))
}

func summary() row {
	metric := func(metric string) query { return q(strip(last(metric, ofTask)), "") }
	speed := func(counter string) query {
		return q(strip(last(counter, ofTask)+" / "+last("duration_seconds", ofTask)), "")
	}
	who := []column{of("runtime", "Runtime", 105), of("model", "Model", 130).linked(linkToThis), of("concurrency", "Concurrency", 100)}
	return section("Summary: all the study's rows",
		beside(12, figureOf("How long did each model take, and what did it get done?",
			"Of each experiment's latest good run. Execution time: once through the task's input, set-up left out. Units: done in the whole run, which goes through the "+
				"input as often as passes says. Download, upload, written: by the program's own count. Failed: items, of all passes.", "none", 2).
			table(append(slices.Clone(who),
				value("A", "Execution time", "s", 2), value("B", "Units", "short", 1), value("C", "Passes", "none", 0), value("D", "Download", "Bps", 1), value("E", "Upload", "Bps", 1),
				value("F", "Written", "decbytes", 1), value("G", "Failed", "short", 0)),
				"Execution time", false,
				metric("pass_duration_seconds"), metric("units"), metric("passes"), speed("received_bytes"), speed("sent_bytes"), metric("written_bytes"), metric("failed_items"))),
		beside(12, figureOf("What did each model take of the machine?",
			"Of each experiment's latest good run. CPU: of the process tree, 100 % is one core; system: of the whole machine, 100 % is all cores; at most: over windows of at "+
				"least 100 ms, absent for short runs. Memory: resident set of one process, sum of proportional set sizes of several.", "none", 1).
			table(append(slices.Clone(who),
				value("A", "CPU avg", "percentunit", 1), value("B", "CPU max", "percentunit", 1),
				value("C", "System avg", "percentunit", 1), value("D", "System max", "percentunit", 1),
				value("E", "Memory avg", "bytes", 1), value("F", "Memory max", "bytes", 1),
				value("G", "Threads", "none", 0).wide(75), value("H", "Processes", "none", 0).wide(85), value("I", "Cores", "none", 0).wide(60)),
				"Runtime", false,
				metric("cpu_usage_ratio"), metric("cpu_usage_max_ratio").orEmpty(tooShort),
				metric("system_cpu_usage_ratio").orEmpty(tooBrief), metric("system_cpu_usage_max_ratio").orEmpty(tooShort),
				metric("memory_average_bytes"), metric("memory_peak_bytes"),
				metric("threads_max"), metric("processes_max"),
				q(strip(last("passes", ofTask))+" * 0 + on (instance) group_left () "+once("instance", "benchd_host_cores"), ""))))
}

const linkToThis = "/d/benchd-experiment?" + kept + "&${task:queryparam}" +
	"&var-runtime=${__data.fields.Runtime:percentencode}&var-model=${__data.fields.Model:percentencode}" +
	"&var-concurrency=${__data.fields.Concurrency}&${__url_time_range}"

// side draws a figure of the latest runs as bars and over time, side by side.
func side(f figure, expr string, sort string, emptyReason string) line {
	latest, history := f, f
	latest.title, history.title = f.title+" Latest runs", f.title+" Over time"
	return beside(18, // all bars of io-bound
		latest.bars(q(sort+"("+strip(expr)+")", experimentName).orEmpty(emptyReason)).wide(12),
		history.lines(q(strip(expr), experimentName).orEmpty(emptyReason)).wide(12))
}

func executionTime() row {
	return section("Execution time",
		side(figureOf("How long does the work take?", "Wall time of going through the task's input once, set-up left out: the execution time of the study. Shorter is better.", "s", 2),
			last("pass_duration_seconds", ofTask), "sort", ""),
		beside(7, conclusion("which is fastest, which slowest?", byThroughput, speed)))
}

func throughput() row {
	ups := last("units_per_second", ofTask)
	return section("Throughput",
		beside(10,
			figureOf("Where is the sweet spot of concurrency?", "Units of work per second ($unit) at each concurrency, by the latest runs: more workers help up to a point.", "short", 1).
				by("concurrency", q(shape(ups), "")).wide(12),
			figureOf("How many $unit per second, over time?", "Units of work done by wall time, of the latest run at each time. Longer lines are better.", "short", 1).
				lines(q(strip(ups), experimentName)).wide(12)),
		beside(11,
			scaling()))
}

func processor() row {
	return section("CPU",
		side(figureOf("How much CPU time does a unit cost?", "CPU seconds of the whole process tree, user and system, by units of work done. Where all models wait equally long, this tells them apart.", "s", 2),
			last("cpu_seconds_per_unit", ofTask), "sort", ""),
		beside(7, conclusion("which costs least CPU, which most?", byCPU, cost)),
		beside(18,
			figureOf("How busy is the process: on average?", "CPU time of the process tree by wall time: 100 % is one core.", "percentunit", 1).
				bars(q("sort_desc("+strip(last("cpu_usage_ratio", ofTask))+")", experimentName)),
			figureOf("How busy is the process: at most?", "Largest CPU usage of the process tree over windows of at least 100 ms; absent with fewer than five samples.", "percentunit", 1).
				orElse(tooShort).bars(q("sort_desc("+strip(last("cpu_usage_max_ratio", ofTask))+")", experimentName).orEmpty(tooShort))),
		side(figureOf("How busy is the machine?", "CPU usage of the whole machine meanwhile, 100 % is all cores: the httpbin and all others included.", "percentunit", 1).orElse(tooBrief),
			last("system_cpu_usage_ratio", ofTask), "sort_desc", tooBrief))
}

func memory() row {
	return section("Memory",
		side(figureOf("How much memory does it need?", "Peak of the resident set of one process; of several, the largest sum of their proportional set sizes, in which shared pages count once.", "bytes", 1),
			last("memory_peak_bytes", ofTask), "sort", ""),
		beside(7, conclusion("which needs least memory, which most?", byMemory, cost)))
}

func download() row {
	return section("Download",
		side(figureOf("How fast does it download?", "Bytes of the bodies received, as the program counted them, by wall time.", "Bps", 1).orElse(noTraffic),
			last("received_bytes", ofTask)+" / "+last("duration_seconds", ofTask)+" > 0", "sort_desc", noTraffic),
		beside(7, conclusion("which downloads fastest, which slowest?", byDownload, speed)))
}

func failures() row {
	mostFailing := `topk by (` + ofRuntime + `) (1, ` + strip(last("error_ratio", ofTask)) + `)`
	return section("Failures",
		side(figureOf("How many requests failed?", "Items of input that failed in the latest good run: status of 400 or above, broken connection, time-out, wrong body.", "short", 0),
			last("failed_items", ofTask), "sort_desc", ""),
		beside(6, figureOf("Conclusion: which fails most?", "The experiment of each runtime with the largest share of failed items in its latest good run; and benchd's verdict on its share over the latest clean cycles, against the baseline's.", "percentunit", 2).
			orElse(noVerdict).
			table([]column{of("runtime", "Runtime", 0), of("model", "Model", 0), of("concurrency", "Concurrency", 0), value("A", "Share that failed", "percentunit", 2), verdict("B", "Than the baseline", plain)}, "Runtime", false,
				q(mostFailing, ""), q(compared{figure: "error_ratio"}.of("", ofTask)+" and on ("+ids+") "+mostFailing, "").orEmpty(noVerdict+", and none of a baseline"))))
}

func latency() row {
	percentile := func(p string) string {
		return last("request_duration_seconds", ofTask+`,percentile="`+p+`"`)
	}
	bars := func(p, about string) Panel {
		return figureOf("How long do "+p+" % of the requests take at most?", about, "s", 2).orElse(noRequests).
			bars(q("sort("+strip(percentile(p))+")", experimentName).orEmpty(noRequests))
	}
	closed := "Of the latest good run, failed requests included. In a closed loop (all tasks but fixed-rate) this is service time; in fixed-rate it counts from the moment the request was due."
	return section("Latency",
		beside(18, bars("50", closed), bars("90", closed)),
		beside(18, bars("99", closed),
			figureOf("The slowest 1 %, over time", "99th percentile of the requests of the latest run at each time.", "s", 2).orElse(noRequests).
				lines(q(strip(percentile("99")), experimentName).orEmpty(noRequests))),
		beside(7, conclusion("who waits longest for the slowest 1 %?", byLatency, wait)),
		beside(11,
			figureOf("How are the latencies distributed?", "Requests of all chosen experiments by duration: a column for each time in which runs ended.", "s", 2).orElse(noRequests).
				heatmap(q(`sum by (le) (`+once(ids+", le", `increase(benchd_request_duration_seconds_bucket{`+ofTask+`}[$__rate_interval])`)+`)`, "{{le}}").orEmpty(noRequests))))
}

func server() row {
	return section("The server and the machine",
		beside(4,
			figureOf("What does the machine have?", "Of the machine benchd runs on, where the httpbin runs too unless BENCHD_HTTPBIN_URL says otherwise.", "none", 0).
				table([]column{of("cpu_model", "CPU", 0), of("architecture", "Architecture", 100), of("os", "System", 0), of("kernel", "Kernel", 0),
					value("B", "Cores", "none", 0), value("C", "Memory", "bytes", 1)}, "CPU", false,
					q(`max by (instance, cpu_model, architecture, os, kernel) (benchd_host_info{`+ofInstance+`})`, ""),
					q(`max by (instance) (benchd_host_cores{`+ofInstance+`})`, ""),
					q(`max by (instance) (benchd_host_memory_bytes{`+ofInstance+`})`, ""))),
		beside(18,
			figureOf("How much CPU did the httpbin use?", "Cores that the httpbin kept busy during the latest run, on average. If it is near the number of cores, the server and not the model is measured.", "none", 2).orElse(noServer).
				bars(q("sort_desc("+strip(last("server_cpu_seconds", ofTask)+" / "+last("duration_seconds", ofTask))+")", experimentName).orEmpty(noServer)),
			figureOf("How much memory did the httpbin use?", "Resident set of the httpbin at the end of the latest run at each time.", "bytes", 1).orElse(noServer).
				lines(q(strip(last("server_memory_bytes", ofTask)), experimentName).orEmpty(noServer))))
}

func verdicts() row {
	return section("Conclusion: when to use what, and what to avoid",
		whatToUse(), whichRuntime())
}
