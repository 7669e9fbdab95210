package run

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"benchd/daemon/bench"
)

// judge says how the attempt ended, err being the error that ended the talk.
func judge(e bench.Experiment, run *bench.Run, t *talk, err error) ending {
	var malformed protocolError
	switch {
	case errors.Is(err, errStopped):
		return ending{outcome: bench.Killed, reason: "the daemon was stopped during the run"}
	case errors.Is(err, errTimeout):
		return ending{outcome: bench.TimedOut, reason: fmt.Sprintf(
			"%v (limit %v: raise BENCHD_RUN_TIMEOUT, or see its output)", err, e.Timeout)}
	case errors.Is(err, errLingers):
		return ending{outcome: bench.TimedOut, reason: fmt.Sprintf(
			"%v: end it at the line exit (see workloads/README.md); its output may say what it waits for", err)}
	case errors.As(err, &malformed):
		return ending{outcome: bench.BadProtocol, reason: fmt.Sprintf(
			"%v (see workloads/README.md)", malformed)}
	case errors.Is(err, errExited):
		return deathOf(run.Exit, t.result == nil)
	case err != nil:
		return ending{outcome: bench.Failed, reason: err.Error()}
	case run.Exit.Code != 0:
		return deathOf(run.Exit, false)
	}
	return compare(e, t)
}

// deathOf describes an end that was not asked for.
func deathOf(exit bench.Exit, early bool) ending {
	when := "after its result"
	if early {
		when = "before its result"
	}
	switch {
	case exit.Signal != "":
		return ending{outcome: bench.Killed, reason: fmt.Sprintf("ended by a signal %s: %s", when, exit.Signal)}
	case exit.Code > 0:
		return ending{outcome: bench.Failed, reason: fmt.Sprintf("exit status %d %s: see its output", exit.Code, when)}
	case exit.Code == 0 && early:
		return ending{outcome: bench.BadProtocol, reason: "exited before its result, with status 0 but a message missing (see workloads/README.md)"}
	case exit.Code == 0:
		return ending{outcome: bench.BadProtocol, reason: "exited before it was let go, and its counters with it (see workloads/README.md)"}
	}
	return ending{outcome: bench.Killed, reason: "its supervisor was killed"}
}

// compare holds the result against the expected one. Items that failed leave
// their units and checksum out: where each item is one unit, the rest is known
// exactly, and elsewhere an upper bound.
func compare(e bench.Experiment, t *talk) ending {
	got, want := t.result, e.Expected
	failed := got.Failed()
	wrong := func(what string, got uint64, want any) ending {
		return ending{outcome: bench.WrongResult, reason: fmt.Sprintf(
			"%s: %d, expected %v: not the same input, or not all of it", what, got, want)}
	}
	besides := func(bound string, n uint64) string {
		return fmt.Sprintf("%s%d, as %d of %d items failed", bound, n, failed, got.Items)
	}
	switch {
	case got.Items != want.Items:
		return wrong("items", got.Items, want.Items)
	case failed == 0 && got.Units != want.Units:
		return wrong(e.Unit, got.Units, want.Units)
	case failed == 0 && got.Checksum != want.Checksum:
		return wrong("checksum", got.Checksum, want.Checksum)
	case failed == 0:
		return ending{outcome: bench.OK}
	case failed == got.Items && got.Units > 0:
		return wrong(e.Unit, got.Units, besides("", 0))
	case failed == got.Items && got.Checksum > 0:
		return wrong("checksum", got.Checksum, besides("", 0))
	case failed == got.Items:
		return ending{outcome: bench.Failed, reason: fmt.Sprintf(
			"all %d items failed (%s): is the httpbin up?", failed, kinds(got.Errors))}
	case want.Units == want.Items && got.Units != want.Units-failed:
		return wrong(e.Unit, got.Units, besides("", want.Units-failed))
	case got.Units > want.Units:
		return wrong(e.Unit, got.Units, besides("at most ", want.Units))
	case got.Checksum > want.Checksum:
		return wrong("checksum", got.Checksum, besides("at most ", want.Checksum))
	case got.Units == 0:
		return ending{outcome: bench.Failed, reason: fmt.Sprintf(
			"no %s, as %d of %d items failed (%s): see its output", e.Unit, failed, got.Items, kinds(got.Errors))}
	}
	return ending{outcome: bench.OK}
}

func kinds(errors map[string]uint64) string {
	return strings.Join(slices.Sorted(maps.Keys(errors)), ", ")
}
