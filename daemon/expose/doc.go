// Package expose shows the results: /metrics for Prometheus, a JSON API over
// the recorded runs and what is judged of them, a landing page and health. It
// is the last step of the flow
//
//	config -> experiments -> schedule -> run and measure -> record -> judge -> expose
//
// and only listens: the scheduler tells it what happens, it never asks for a
// run. The one thing that it passes back is what a person decides (decide.go).
// Figures reach Prometheus in four ways, one file each: what only grows since
// the daemon was started (metrics.go), what the last good run of an experiment
// measured (lastrun.go), what is judged (judged.go), and what is the case now
// (now.go). results.go keeps those of the experiments between two runs, and
// page.go the text that they were sent as.
package expose
