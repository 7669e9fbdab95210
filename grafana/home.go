package grafana

func home() Dashboard {
	extreme := func(topk, label string) string {
		who := `label_join(` + topk + ` by (instance, task, runtime) (1, ` + within("last", "throughput", measured) + `), "who", " ", "model", "concurrency")`
		return `max by (instance, task, runtime, baseline, ` + label + `) (label_join(` + who + `, "` + label + `", " · ", "who", "state"))`
	}
	all := func(metric string) query {
		return q(strip(last(metric, ofInstance)), "")
	}
	return frame("benchd-home", "benchd: which model?",
		"Which concurrency model should be used for which kind of work on this machine, and is that figure to be trusted?",
		[]Variable{instanceVariable(), // Of tasks that have something to compare.
			choice("task", `benchd_experiment_info{`+measured+`,baseline!="true"}`).several()},
		section("",
			beside(5,
				figureOf("What is running now?", "The experiment whose process is alive now.", "none", 0).
					stat(q(`benchd_running_info{`+ofInstance+`} or on (instance) label_replace(benchd_runs_in_progress{`+ofInstance+`} == 0, "task", "between runs", "", "")`,
						"{{task}} {{model}} {{concurrency}} {{runtime}}")).named().wide(5),
				figureOf("Cycle done", "Share of the runs of the current or latest cycle that have ended; a cycle runs each experiment once.", "percentunit", 0).
					gauge(q(`benchd_cycle_progress_ratio{`+ofInstance+`}`, "{{instance}}")).wide(3),
				figureOf("Time left", "Until the cycle ends, if the runs to come take as long as those done; between cycles, until the next one starts.", "dthms", 0).
					stat(q(`(time() - benchd_cycle_start_timestamp_seconds{`+ofInstance+`}) * (1 / (benchd_cycle_progress_ratio > 0) - 1) and benchd_cycle_in_progress == 1`,
						"of cycle").orEmpty("between cycles, and before the first run of one has ended"),
						q(`clamp_min(benchd_cycle_start_timestamp_seconds{`+ofInstance+`} + benchd_cycle_interval_seconds - time(), 0) and benchd_cycle_in_progress == 0`,
							"to next cycle").orEmpty("during a cycle the next is not due")).wide(3),
				figureOf("Failing", "Experiments whose latest run did not end well: failed, timed out, was killed, or returned a wrong result.", "none", 0).
					stat(q(`count(benchd_last_attempt_outcome{`+ofInstance+`,outcome!~"ok|skipped"} == 1) or on () vector(0)`, "")).
					thresholds(1.0, "red").wide(3),
				figureOf("Alerts", "Alerts of Prometheus that are firing, or pending: about to fire unless it ends.", "none", 0).
					table([]column{of("alertname", "Alert", 0), of("severity", "Severity", 80).shaded([]shade{{"critical", "red"}, {"warning", "orange"}}), of("alertstate", "State", 75), of("task", "Task", 90), of("model", "Model", 115)},
						"Severity", false,
						q(`sum by (alertname, severity, alertstate, task, model) (ALERTS) or on () label_replace(absent(ALERTS{alertname=~".+"}), "alertname", "none", "", "")`, "")).wide(10),
			)),
		section("Which model wins?",
			beside(8, figureOf("Which model is fastest, and which slowest?",
				"By units of work per second, for each task and runtime: the best and the worst experiment of the latest cycle, and how many times "+
					"as fast as the baseline (sync, mostly) of the same runtime it was; 1 is as fast. "+
					"Differences below 5 % are not worth a choice. Provisional: a run of the two was disturbed, limited by the httpbin, or in the warm-up cycle. In fixed-rate the rate is given: compare latencies there.", "none", 2).
				table([]column{of("task", "Task", 110).linked(linkToTask), of("runtime", "Runtime", 120), of("winner", "Fastest", 0), value("A", "Fastest × baseline", "suffix:×", 2),
					of("loser", "Slowest", 0), value("B", "Slowest × baseline", "suffix:×", 2), of("baseline", "Baseline", 110)},
					"Task", false, q(extreme("topk", "winner"), ""), q(extreme("bottomk", "loser"), "")))),
		section("How much faster is each?",
			beside(18, figureOf("$task: how many times as fast as the baseline?",
				"Units of work per second by those of the baseline (sync, mostly) of the same runtime in the same cycle; 1 is as fast.", "suffix:×", 2).
				bars(q(`sort_desc(`+strip(within("last", "throughput", `instance=~"$instance",task=~"$task"`))+`)`, experimentName)).repeated("task", 2))),
		section("All experiments",
			beside(16, figureOf("What did each experiment need?",
				"Latest good run of every experiment. Throughput is in the task's unit; CPU is that of the whole process tree, user and system; memory is the "+
					"peak: resident set of one process, sum of proportional set sizes of several. A dirty run was disturbed by others; a run limited by the httpbin says little of the model.",
				"none", 2).
				table(append(identity(), value("A", "Throughput", "short", 2), of("unit", "Unit/s", 85), value("B", "CPU per unit", "s", 2), value("C", "Memory, peak", "bytes", 1),
					value("D", "Errors", "percentunit", 1).wide(70), verdict("E", "State", []state{{1, "clean", "green"}, {0, "dirty", "orange"}}).wide(65),
					verdict("F", "Limited by", []state{{0, "the model", "text"}, {1, "the httpbin", "orange"}, {2, "–", "text"}}).wide(100), value("G", "Ended", "dateTimeFromNow", 0).wide(145)),
					"Task", false,
					q(`max by (`+ids+`, unit) (benchd_last_run_units_per_second{`+ofInstance+`} * on (`+ids+`) group_left (unit) benchd_experiment_info)`, ""),
					all("cpu_seconds_per_unit"), all("memory_peak_bytes"), all("error_ratio"), all("clean"),
					// A column without any value would be missing; unknown where the httpbin's CPU time is.
					q(strip(last("server_bound", ofInstance))+" or "+strip(last("clean", ofInstance))+" * 0 + 2", ""),
					q("1000 * "+strip(last("timestamp_seconds", ofInstance)), "")))),
	)
}
