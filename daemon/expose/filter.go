package expose

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"benchd/daemon/bench"
)

// filter selects experiments: the zero value of a field selects all.
type filter struct {
	task, runtime, model string
	concurrency          *int
}

// maxListed bounds how many values an error names.
const maxListed = 40

// check refuses a filter that no experiment fits, be it configured or only in
// the history: an empty list would be taken for an answer. The error names the
// first parameter that leaves nothing, and what it could be.
func (f *filter) check(keys []bench.Key) error {
	concurrency := ""
	if f.concurrency != nil {
		concurrency = strconv.Itoa(*f.concurrency)
	}
	var given []string
	for _, p := range []struct {
		name, value string
		of          func(bench.Key) string
	}{
		{"task", f.task, func(k bench.Key) string { return k.Task }},
		{"runtime", f.runtime, func(k bench.Key) string { return k.Runtime }},
		{"model", f.model, func(k bench.Key) string { return k.Model }},
		{"concurrency", concurrency, func(k bench.Key) string { return strconv.Itoa(k.Concurrency) }},
	} {
		if p.value == "" {
			continue
		}
		fit := slices.DeleteFunc(slices.Clone(keys), func(k bench.Key) bool { return p.of(k) != p.value })
		if len(fit) == 0 {
			return badRequest("parameter %s is %.50q: %s has it; there are %s%s", p.name, p.value,
				strings.Join(append([]string{"no experiment"}, given...), " "), valuesOf(keys, p.of), hint(p.value))
		}
		keys, given = fit, append(given, "of "+p.name+" "+p.value)
	}
	return nil
}

func valuesOf(keys []bench.Key, of func(bench.Key) string) string {
	var values []string
	for _, k := range keys {
		values = append(values, of(k))
	}
	slices.SortFunc(values, func(a, b string) int {
		x, notX := strconv.Atoi(a)
		y, notY := strconv.Atoi(b)
		if notX == nil && notY == nil {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(a, b)
	})
	values = slices.Compact(values)
	if more := len(values) - maxListed; more > 0 {
		return fmt.Sprintf("%s and %d more: see /api/v1/experiments", join(values[:maxListed]), more)
	}
	return join(values)
}

// hint is for who has written a + as it is.
func hint(value string) string {
	if strings.Contains(value, " ") {
		return "; a + in an address means a blank: write %2B"
	}
	return ""
}

// known checks the filter against all experiments that there are or were.
func (e *Exposer) known(ctx context.Context, f filter) error {
	if f == (filter{}) {
		return nil
	}
	return e.api.work(ctx, func() error {
		keys, err := e.options.History.Keys(ctx)
		if err != nil {
			return err
		}
		for _, x := range e.options.Experiments {
			keys = append(keys, x.Key)
		}
		return f.check(keys)
	})
}
