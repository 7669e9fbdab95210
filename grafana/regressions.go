package grafana

func regressions() Dashboard {
	return frame("benchd-regressions", "benchd: regressions",
		"Did a model just get worse, and was it the model or the host?",
		[]Variable{
			instanceVariable(),
			choice("task", "benchd_experiment_info{"+ofInstance+"}").first("io-bound"),
			choice("runtime", `benchd_experiment_info{`+ofInstance+`,task="$task"}`).several(),
			choice("concurrency", `benchd_experiment_info{`+ofInstance+`,task="$task",runtime=~"$runtime"}`).several(),
		},
		section("Did a model get worse?",
			beside(12,
				figureOf("CPU time per unit: has it risen?", "CPU seconds of the whole process tree by units of work, of the latest run at each time. The steadiest figure there is: neighbours hardly move it.", "s", 3).
					lines(q(last("cpu_seconds_per_unit", ofTask), experimentName)),
				figureOf("Throughput against the baseline: has it fallen?", "Units per second by those of the baseline in the same cycle: what slows the whole host cancels out. Gaps: the cycle has run only one of the two.", "suffix:×", 2).
					lines(q(`max by (`+ids+`) (experiment:benchd_last_run:ratio_to_baseline{figure="throughput",`+ofTask+`})`, experimentName))),
			beside(12,
				figureOf("How far apart were the cycles shown?", "Throughput against the baseline: the latest cycle, and the least and the most of the time shown. A wide range is noise, or a change: look at the lines above.", "suffix:×", 2).
					table(append(identity(), value("A", "Latest", "suffix:×", 2), value("B", "Least", "suffix:×", 2), value("C", "Most", "suffix:×", 2), value("D", "Most by least", "suffix:×", 2)),
						"Most by least", true,
						q(strip(within("last", "throughput", ofTask)), ""), q(strip(within("min", "throughput", ofTask)), ""), q(strip(within("max", "throughput", ofTask)), ""),
						q(strip(within("max", "throughput", ofTask))+" / "+strip(within("min", "throughput", ofTask)), "")))),
		section("Or was it the host?",
			beside(9,
				figureOf("Canary: did the host get slower?", "Time for a fixed piece of work: spin stands for the processor, io for network and httpbin. If it rises, the host got slower.", "s", 3).
					lines(q(`benchd_last_run_pass_duration_seconds{`+ofInstance+`,task="canary"}`, experimentName)),
				figureOf("Which versions are in use?", "Runtimes and client libraries of the latest runs; changes are marked as vertical lines in all panels.", "none", 0).
					table([]column{of("runtime", "Runtime", 120), of("runtime_version", "Version", 110), of("client", "Client library", 0), of("gil", "GIL", 90), value("A", "Experiments", "none", 0)},
						"Runtime", false, q(`count by (runtime, runtime_version, client, gil) (benchd_experiment_info{`+ofTask+`})`, "")))),
	)
}
