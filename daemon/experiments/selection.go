package experiments

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"benchd/daemon/bench"
)

// selector is one of the variables that select experiments.
type selector struct {
	variable string
	entries  []string
	noun     string
	of       func(bench.Key) string
}

func (o *Options) selectors() []selector {
	var concurrencies []string
	for _, c := range o.Concurrencies {
		concurrencies = append(concurrencies, strconv.Itoa(c))
	}
	return []selector{
		{"BENCHD_TASKS", o.Tasks, "task", func(k bench.Key) string { return k.Task }},
		{"BENCHD_RUNTIMES", o.Runtimes, "runtime", func(k bench.Key) string { return k.Runtime }},
		{"BENCHD_MODELS", o.Models, "model", func(k bench.Key) string { return k.Model }},
		{"BENCHD_CONCURRENCIES", concurrencies, "concurrency", func(k bench.Key) string { return strconv.Itoa(k.Concurrency) }},
	}
}

// selectFrom keeps the experiments that all selectors match. An entry that
// matches nothing is an error, for it is a mistake: so is a combination.
func selectFrom(all []bench.Experiment, o *Options) ([]bench.Experiment, error) {
	selected := all
	var faults []error
	var used []string
	for _, s := range o.selectors() {
		if len(s.entries) == 0 {
			continue
		}
		used = append(used, s.variable+"="+strings.Join(s.entries, ","))
		faults = append(faults, s.unmatched(all)...)
		var kept []bench.Experiment
		for _, e := range selected {
			if slices.ContainsFunc(s.entries, func(entry string) bool { return matches(entry, s.of(e.Key)) }) {
				kept = append(kept, e)
			}
		}
		selected = kept
	}
	if len(faults) == 0 && len(selected) == 0 {
		var there []string
		for _, e := range all {
			there = append(there, e.String())
		}
		faults = append(faults, fmt.Errorf("no experiment matches %s together; there are %s", strings.Join(used, " "), strings.Join(there, ", ")))
	}
	return selected, errors.Join(faults...)
}

// unmatched is a fault for each entry that matches no experiment.
func (s *selector) unmatched(all []bench.Experiment) []error {
	var there []string // in the order of the keys, in which numbers are numbers
	for _, e := range all {
		if label := s.of(e.Key); !slices.Contains(there, label) {
			there = append(there, label)
		}
	}
	var faults []error
	for _, entry := range s.entries {
		if !slices.ContainsFunc(there, func(label string) bool { return matches(entry, label) }) {
			faults = append(faults, fmt.Errorf("%s: %q matches no %s; there are %s", s.variable, entry, s.noun, strings.Join(there, ", ")))
		}
	}
	return faults
}

// matches treats a malformed pattern as one that matches nothing; config has
// refused it.
func matches(pattern, label string) bool {
	ok, err := path.Match(pattern, label)
	return ok && err == nil
}
