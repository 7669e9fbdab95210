package expose

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"benchd/daemon/bench"
)

// verdictsJSON is all that is judged, as the API shows it.
type verdictsJSON struct {
	Conclusions []bench.Conclusion `json:"conclusions"`
	Scalings    []bench.Scaling    `json:"scalings"`
	Experiments []bench.Judgement  `json:"experiments"`
	Host        hostJSON           `json:"host"`
	Baseline    *baselineJSON      `json:"baseline,omitempty"` // the pinned one that is in force
}

type hostJSON struct {
	State     bench.HostState `json:"state"`
	Change    *bench.Ratio    `json:"change,omitempty"` // of the canary's time
	Disturbed float64         `json:"disturbed"`        // share of the latest runs
}

type baselineJSON struct {
	Name   string    `json:"name"`
	Pinned time.Time `json:"pinned"`
	Levels int       `json:"levels,omitempty"` // figures that were pinned
}

// changeJSON is a change, and the same in words.
type changeJSON struct {
	bench.Change
	Sentence string `json:"sentence"`
}

type changesJSON struct {
	Changes []changeJSON `json:"changes"`
}

func changesOf(changes []bench.Change) []changeJSON {
	list := make([]changeJSON, len(changes))
	for i, c := range changes {
		list[i] = changeJSON{c, c.Sentence()}
	}
	return list
}

func (e *Exposer) serveVerdicts(w http.ResponseWriter, r *http.Request) error {
	given, err := parameters(r.URL.RawQuery, "runtime", "task")
	if err != nil {
		return err
	}
	if err := e.known(r.Context(), filter{task: given["task"], runtime: given["runtime"]}); err != nil {
		return err
	}
	wanted := func(task, runtime string) bool {
		return (given["task"] == "" || given["task"] == task) && (given["runtime"] == "" || given["runtime"] == runtime)
	}
	return e.respond(w, r, func() (any, error) {
		all := e.options.Judge.Judgements()
		page := verdictsJSON{
			Conclusions: slices.DeleteFunc(slices.Clone(all.Conclusions), func(c bench.Conclusion) bool { return !wanted(c.Task, c.Runtime) }),
			Scalings:    slices.DeleteFunc(slices.Clone(all.Scalings), func(s bench.Scaling) bool { return !wanted(s.Task, s.Runtime) }),
			Experiments: slices.DeleteFunc(slices.Clone(all.Experiments), func(x bench.Judgement) bool { return !wanted(x.Task, x.Runtime) }),
			Host:        hostJSON{all.Host, all.HostRatio, all.Disturbed},
		}
		if all.PinName != "" {
			page.Baseline = &baselineJSON{Name: all.PinName, Pinned: all.Pinned}
		}
		return page, nil
	})
}

// changeParameters are the parameters of /api/v1/changes.
var changeParameters = map[string]func(*bench.ChangeQuery, string) error{
	"task":        func(q *bench.ChangeQuery, v string) error { q.Task = v; return nil },
	"runtime":     func(q *bench.ChangeQuery, v string) error { q.Runtime = v; return nil },
	"model":       func(q *bench.ChangeQuery, v string) error { q.Model = v; return nil },
	"concurrency": func(q *bench.ChangeQuery, v string) (err error) { q.Concurrency, err = concurrency(v); return err },
	"open": func(q *bench.ChangeQuery, v string) (err error) {
		q.Open, err = boolean(v)
		return err
	},
	"before": func(q *bench.ChangeQuery, v string) (err error) { q.Before, err = id(v); return err },
	"limit":  func(q *bench.ChangeQuery, v string) (err error) { q.Limit, err = limit(v); return err },
}

func (e *Exposer) serveChanges(w http.ResponseWriter, r *http.Request) error {
	q := bench.ChangeQuery{Limit: defaultLimit}
	if err := parseQuery(r.URL.RawQuery, changeParameters, &q); err != nil {
		return err
	}
	if err := e.known(r.Context(), filter{q.Task, q.Runtime, q.Model, q.Concurrency}); err != nil {
		return err
	}
	return stream(e, w, r, list[changeJSON]{
		head: `{"changes":[`, limit: q.Limit, piece: 50,
		id: func(c *changeJSON) int64 { return c.ID },
		next: func(ctx context.Context, n int) ([]changeJSON, error) {
			q.Limit = n
			changes, err := e.options.History.Changes(ctx, q)
			if len(changes) > 0 {
				q.Before = changes[len(changes)-1].ID
			}
			return changesOf(changes), err
		},
	})
}

// serveSamples shows what was seen while a run went on.
func (e *Exposer) serveSamples(w http.ResponseWriter, r *http.Request) error {
	given, err := parameters(r.URL.RawQuery, "run")
	if err != nil {
		return err
	}
	run, err := id(given["run"])
	if err != nil {
		return badRequest("parameter run: %v: the ID of a run of /api/v1/runs", err)
	}
	var samples []bench.Sample // one run has some 30,000 of 40 bytes at most
	err = e.api.work(r.Context(), func() (err error) {
		samples, err = e.options.History.Samples(r.Context(), run)
		return err
	})
	if err != nil {
		return err
	}
	if len(samples) == 0 {
		return refusal{http.StatusNotFound, "there are no samples of that run: they are kept of the latest runs of each experiment alone"}
	}
	return stream(e, w, r, list[bench.Sample]{
		head: fmt.Sprintf(`{"run":%d,"samples":[`, run), limit: len(samples), piece: 1000,
		next: func(_ context.Context, n int) (piece []bench.Sample, err error) {
			piece, samples = samples[:n], samples[n:]
			return piece, nil
		},
	})
}

// serveStatistics shows what is still known of the runs that retention dropped.
func (e *Exposer) serveStatistics(w http.ResponseWriter, r *http.Request) error {
	given, err := parameters(r.URL.RawQuery, "concurrency", "model", "runtime", "task")
	if err != nil {
		return err
	}
	if len(given) < 4 {
		return badRequest("want task, runtime, model and concurrency: those of an experiment")
	}
	n, err := concurrency(given["concurrency"])
	if err != nil {
		return badRequest("parameter concurrency is %.50q: %v", given["concurrency"], err)
	}
	key := bench.Key{Task: given["task"], Runtime: given["runtime"], Model: given["model"], Concurrency: *n}
	if err := e.known(r.Context(), filter{key.Task, key.Runtime, key.Model, n}); err != nil {
		return err
	}
	return e.respond(w, r, func() (any, error) {
		months, err := e.options.History.Statistics(r.Context(), key)
		return map[string]any{"months": append([]bench.Dropped{}, months...)}, err
	})
}

func (e *Exposer) serveBaselines(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r.URL.RawQuery); err != nil {
		return err
	}
	return e.respond(w, r, func() (any, error) {
		pins, err := e.options.Judge.Pins(r.Context())
		list := make([]baselineJSON, len(pins))
		for i, p := range pins {
			list[i] = baselineJSON{p.Name, p.Pinned, len(p.Levels)}
		}
		return map[string]any{"baselines": list}, err
	})
}
