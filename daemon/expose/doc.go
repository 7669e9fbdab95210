// Package expose shows the results: /metrics for Prometheus, a JSON API over
// the recorded runs, a landing page and health. It is the last step of the
// flow
//
//	config -> experiments -> schedule -> run and measure -> record -> expose
//
// and only listens: the scheduler tells it what happens, it never asks for a
// run. Figures reach Prometheus in three ways, one file each: what only grows
// since the daemon was started (metrics.go), what the last good run of an
// experiment measured (lastrun.go), and what is the case now (now.go).
// results.go keeps those of the experiments between two runs, and page.go the
// text that they were sent as.
package expose
