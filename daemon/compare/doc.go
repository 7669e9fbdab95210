// Package compare says whether one experiment is better than another, or that
// there is not enough data yet, and what concurrency does to throughput. It
// lies below the flow: it knows figures and cycles by number alone, does no IO
// and imports nothing of ours.
//
// Runs of one cycle share the state of the machine, so figures are compared
// within cycles, one log ratio for each, and the log ratios are what is
// averaged: Paired. Where the figures may be 0 it is their difference:
// Differences. FitUSL fits Gunther's Universal Scalability Law to the levels of
// concurrency of one model.
//
// Every claim made here about coverage and wrong verdicts is the outcome of
// simulated cycles whose truth is known, which the tests hold, and
//
//	go test -run '^$' -bench . -benchtime 1x ./daemon/compare
//
// prints.
package compare
