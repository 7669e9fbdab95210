// Package workload is for workloads written in Go: it reads their environment,
// speaks the protocol, clocks the region between the gates and collects the
// result. lib/python/benchd_workload.py is the same for Python.
//
// It runs in the child process that package run starts; nothing here is used
// by the daemon itself, save that the daemon's binary holds the built-in
// programs.
package workload
