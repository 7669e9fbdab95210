// Package run runs one experiment as a child process and measures it from
// outside: the fourth step of the flow. Runner.Run tells the story of a run;
// the supervisor (supervise.go) is the child that leaves nothing behind, the
// meter (meter.go, sampler.go) reads the counters, and verdict.go says how it
// ended.
package run
