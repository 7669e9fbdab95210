package expose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"benchd/daemon/bench"
)

// Pages of /api/v1/runs.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// experimentJSON is an experiment as the API shows it.
type experimentJSON struct {
	bench.Key
	Title          string      `json:"title"`
	Description    string      `json:"description"`
	Unit           string      `json:"unit"`
	Size           string      `json:"size"`
	Baseline       bool        `json:"baseline"`
	Client         string      `json:"client"`          // library and, after a good run, version
	RuntimeVersion string      `json:"runtime_version"` // "" if unknown
	GIL            string      `json:"gil"`             // as the last good run said
	FreeThreads    bool        `json:"free_threads"`    // the interpreter was built without a GIL
	Source         string      `json:"source"`
	HTTPBin        bool        `json:"httpbin"` // it needs the httpbin
	Passes         uint64      `json:"passes"`  // times a run goes through the input
	ExpectedItems  uint64      `json:"expected_items"`
	ExpectedUnits  uint64      `json:"expected_units"`
	TimeoutSeconds float64     `json:"timeout_seconds"`
	Skip           *bench.Skip `json:"skip,omitempty"`
}

func (e *Exposer) serveExperiments(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r.URL.RawQuery); err != nil {
		return err
	}
	return e.respond(w, r, func() (any, error) {
		list := make([]experimentJSON, 0, len(e.options.Experiments))
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, x := range e.options.Experiments {
			c := e.cells[x.Key]
			list = append(list, experimentJSON{
				Key: x.Key, Title: x.Title, Description: x.Description, Unit: x.Unit, Size: x.Size, Baseline: x.Baseline,
				Client: c.client(), RuntimeVersion: c.runtimeVersion(), GIL: c.versions.GIL, FreeThreads: x.FreeThreads,
				Source: x.Source, HTTPBin: x.HTTPBin, Passes: x.Passes,
				ExpectedItems: x.Expected.Items, ExpectedUnits: x.Expected.Units,
				TimeoutSeconds: x.Timeout.Seconds(), Skip: x.Skip,
			})
		}
		return map[string]any{"experiments": list}, nil
	})
}

func (e *Exposer) serveRuns(w http.ResponseWriter, r *http.Request) error {
	query := bench.RunQuery{Limit: defaultLimit}
	if err := parseQuery(r.URL.RawQuery, runParameters, &query); err != nil {
		return err
	}
	if err := e.known(r.Context(), filter{query.Task, query.Runtime, query.Model, query.Concurrency}); err != nil {
		return err
	}
	return stream(e, w, r, list[bench.Run]{
		head: `{"runs":[`, limit: query.Limit, piece: 16,
		id: func(r *bench.Run) int64 { return r.ID },
		next: func(ctx context.Context, n int) ([]bench.Run, error) {
			query.Limit = n
			runs, err := e.options.History.Runs(ctx, query)
			if len(runs) > 0 {
				query.Before = runs[len(runs)-1].ID
			}
			return runs, err
		},
	})
}

// runParameters are the parameters of /api/v1/runs.
var runParameters = map[string]func(*bench.RunQuery, string) error{
	"task":    func(q *bench.RunQuery, v string) error { q.Task = v; return nil },
	"runtime": func(q *bench.RunQuery, v string) error { q.Runtime = v; return nil },
	"model":   func(q *bench.RunQuery, v string) error { q.Model = v; return nil },
	"concurrency": func(q *bench.RunQuery, v string) (err error) {
		q.Concurrency, err = concurrency(v)
		return err
	},
	"outcome": func(q *bench.RunQuery, v string) error {
		q.Outcome = bench.Outcome(v)
		if !slices.Contains(bench.Outcomes(), q.Outcome) {
			return fmt.Errorf("want one of %s", join(bench.Outcomes()))
		}
		return nil
	},
	"cycle": func(q *bench.RunQuery, v string) error {
		n, err := number(v, math.MaxInt64)
		q.Cycle = &n
		return err
	},
	"before": func(q *bench.RunQuery, v string) (err error) {
		q.Before, err = id(v)
		return err
	},
	"limit": func(q *bench.RunQuery, v string) (err error) {
		q.Limit, err = limit(v)
		return err
	},
}

// parseQuery reads a query string into what is asked for, by what each of its
// parameters sets.
func parseQuery[Q any](raw string, set map[string]func(*Q, string) error, into *Q) error {
	given, err := parameters(raw, slices.Sorted(maps.Keys(set))...)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if err := set[name](into, given[name]); err != nil {
			return badRequest("parameter %s is %.50q: %v", name, given[name], err)
		}
	}
	return nil
}

func concurrency(v string) (*int, error) {
	n, err := number(v, math.MaxInt32)
	return new(int(n)), err
}

func limit(v string) (int, error) {
	n, err := number(v, maxLimit)
	return int(n), err
}

func id(v string) (int64, error) { return number(v, math.MaxInt64) }

func boolean(v string) (bool, error) {
	if v != "true" && v != "false" {
		return false, errors.New("want true or false")
	}
	return v == "true", nil
}

// parameters reads a query string in which only the allowed names may occur,
// each once and with a value: a misspelt filter must not become no filter.
func parameters(raw string, allowed ...string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("query string: %v", err)
	}
	given := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case len(allowed) == 0:
			return nil, badRequest("unknown parameter %.50q: there are none here", name)
		case !slices.Contains(allowed, name):
			return nil, badRequest("unknown parameter %.50q: there are %s", name, join(allowed))
		case len(values[name]) > 1:
			return nil, badRequest("parameter %s is given %d times: give it once", name, len(values[name]))
		case values.Get(name) == "":
			return nil, badRequest("parameter %s is empty: give it a value or leave it out", name)
		}
		given[name] = values.Get(name)
	}
	return given, nil
}

// number reads a whole number from 1 to most.
func number(s string, most int64) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err == nil && 1 <= n && n <= most:
		return n, nil
	case most == math.MaxInt64:
		return 0, errors.New("want a whole number of at least 1")
	default:
		return 0, fmt.Errorf("want a whole number from 1 to %d", most)
	}
}

func join[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}
