package grafana

func home() Dashboard {
	all := func(metric string) query {
		return q(strip(last(metric, ofInstance)), "")
	}
	const down = "no answer from benchd"
	return frame("benchd-home", "benchd: which model?",
		"Which concurrency model should be used for which kind of work on this machine, and is that figure to be trusted?",
		[]Variable{ // Of tasks that have something to compare.
			choice("task", `benchd_experiment_info{`+measured+`,baseline!="true"}`).several()},
		section("",
			beside(5,
				figureOf("What is running now?", "The experiment whose process is alive now.", "none", 0).orElse(down).
					stat(q(strip(`benchd_running_info{`+ofInstance+`}`)+` or on (instance) label_replace(`+once("instance", `benchd_runs_in_progress{`+ofInstance+`}`)+` == 0, "task", "between runs", "", "")`,
						"{{task}} {{model}} {{concurrency}} {{runtime}}")).named().wide(5),
				figureOf("Cycle done", "Share of the runs of the current or latest cycle that have ended; a cycle runs each experiment once.", "percentunit", 0).orElse(down).
					gauge(q(once("instance", `benchd_cycle_progress_ratio{`+ofInstance+`}`), "")).wide(3),
				figureOf("Time left", "Until the cycle ends, if the runs to come take as long as those done; between cycles, until the next one starts.", "dthms", 0).orElse("unknown").
					stat(q(once("instance", `(time() - benchd_cycle_start_timestamp_seconds{`+ofInstance+`}) * (1 / (benchd_cycle_progress_ratio > 0) - 1) and benchd_cycle_in_progress == 1`),
						"of cycle").orEmpty("between cycles, and before the first run of one has ended"),
						q(once("instance", `clamp_min(benchd_next_cycle_start_timestamp_seconds{`+ofInstance+`} - time(), 0)`),
							"to next cycle").orEmpty("during a cycle the next is not due")).wide(3),
				figureOf("Failing", "Experiments whose latest run did not end well: failed, timed out, was killed, or returned a wrong result.", "none", 0).
					stat(q(`count(`+strip(`benchd_last_attempt_outcome{`+ofInstance+`,outcome!~"ok|skipped"} == 1`)+`) or on () vector(0)`, "")).
					thresholds(1.0, "red").wide(3),
				figureOf("Alerts", "Alerts of Prometheus on this instance that are firing, or pending: about to fire unless it ends. Those of all instances are on Alertmanager's page.", "none", 0).
					table([]column{of("alertname", "Alert", 0), of("severity", "Severity", 80).shaded([]shade{{"critical", "red"}, {"warning", "orange"}}), of("alertstate", "State", 75), of("task", "Task", 90), of("model", "Model", 115)},
						"Severity", false,
						q(once("alertname, severity, alertstate, task, model", `ALERTS{`+ofInstance+`}`)+` or on () label_replace(absent(ALERTS{`+ofInstance+`}), "alertname", "none", "", "")`, "")).wide(10),
			)),
		section("Which model wins?",
			beside(8, winners())),
		section("How much faster is each?",
			beside(18, figureOf("$task: how many times as fast as the baseline?",
				"Units of work per second by those of the baseline (sync, mostly) of the same runtime; 1 is as fast. Over the latest clean cycles or, before there are five, in the latest one.", "suffix:×", 2).
				bars(q(`sort_desc(`+byThroughput.ratio(ofInstance+`,task=~"$task"`)+`)`, experimentName)).repeated("task", 2))),
		// Below what there is from the first cycle on: it takes five clean ones.
		section("What should be used, and what avoided?",
			beside(9, forWhat("What should be used?", "Experiments that benchd concludes are to be used for at least one goal: among the models of their runtime, and among all of the task.", 1)),
			beside(9, forWhat("What should be avoided?", "Experiments that benchd concludes are to be avoided for at least one goal: among the models of their runtime, and among all of the task.", -1))),
		section("All experiments",
			beside(16, figureOf("What did each experiment need?",
				"Latest good run of every experiment. Throughput is in the task's unit; CPU is that of the whole process tree, user and system; memory is the "+
					"peak: resident set of one process, sum of proportional set sizes of several. A dirty run was disturbed by others; a run limited by the httpbin says little of the model.",
				"none", 2).
				table(append(identity(), value("A", "Throughput", "short", 2), of("unit", "Unit/s", 85), value("B", "CPU per unit", "s", 2), value("C", "Memory, peak", "bytes", 1),
					value("D", "Errors", "percentunit", 1).wide(70), verdict("E", "State", []state{{1, "clean", "green"}, {0, "dirty", "orange"}}).wide(65),
					verdict("F", "Limited by", []state{{0, "the model", "text"}, {1, "the httpbin", "orange"}, {2, "–", "text"}}).wide(100), value("G", "Ended", "dateTimeFromNow", 0).wide(145)),
					"Task", false,
					q(strip(last("units_per_second", ofInstance))+` * on (`+ids+`) group_left (unit) topk by (`+ids+`) (1, `+once(ids+", unit", `benchd_experiment_info{`+ofInstance+`}`)+`)`, ""),
					all("cpu_seconds_per_unit"), all("memory_peak_bytes"), all("error_ratio"), all("clean"),
					// A column without any value would be missing; unknown where the httpbin's CPU time is.
					q(strip(last("server_bound", ofInstance))+" or "+strip(last("clean", ofInstance))+" * 0 + 2", ""),
					q("1000 * "+strip(last("timestamp_seconds", ofInstance)), "")))),
	)
}
