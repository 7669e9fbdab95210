// Package bench is the domain of benchd: what an experiment is, what a run of
// it yields, and when a run may be trusted. It holds plain types, does no IO
// and imports nothing of ours; every other package speaks in its words.
//
// The flow through the packages is
//
//	config -> experiments -> schedule -> run and measure -> record -> judge -> expose
package bench
