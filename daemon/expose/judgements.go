package expose

import (
	"errors"
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
	Changes    []changeJSON `json:"changes"`
	NextBefore int64        `json:"next_before,omitempty"` // before= of the next page, which may be empty; absent where there is none
}

func changesOf(changes []bench.Change) []changeJSON {
	list := make([]changeJSON, len(changes))
	for i, c := range changes {
		list[i] = changeJSON{c, c.Sentence()}
	}
	return list
}

func (e *Exposer) serveVerdicts(w http.ResponseWriter, r *http.Request) {
	given, err := parameters(r.URL.RawQuery, "runtime", "task")
	if err != nil {
		e.writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	wanted := func(task, runtime string) bool {
		return (given["task"] == "" || given["task"] == task) && (given["runtime"] == "" || given["runtime"] == runtime)
	}
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
	e.writeJSON(w, http.StatusOK, page)
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

func (e *Exposer) serveChanges(w http.ResponseWriter, r *http.Request) {
	q := bench.ChangeQuery{Limit: defaultLimit}
	if err := parseQuery(r.URL.RawQuery, changeParameters, &q); err != nil {
		e.writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	changes, err := e.options.History.Changes(r.Context(), q)
	if err != nil {
		e.unreadable(w, "Changes", err)
		return
	}
	page := changesJSON{Changes: changesOf(changes)}
	if len(changes) == q.Limit {
		page.NextBefore = changes[len(changes)-1].ID
	}
	e.writeJSON(w, http.StatusOK, page)
}

// serveSamples shows what was seen while a run went on.
func (e *Exposer) serveSamples(w http.ResponseWriter, r *http.Request) {
	given, err := parameters(r.URL.RawQuery, "run")
	if err != nil {
		e.writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	run, err := id(given["run"])
	if err != nil {
		e.writeError(w, http.StatusBadRequest, "parameter run: "+err.Error()+": the ID of a run of /api/v1/runs")
		return
	}
	samples, err := e.options.History.Samples(r.Context(), run)
	switch {
	case err != nil:
		e.unreadable(w, "Samples", err)
	case len(samples) == 0:
		e.writeError(w, http.StatusNotFound, "there are no samples of that run: they are kept of the latest runs of each experiment alone")
	default:
		e.writeJSON(w, http.StatusOK, map[string]any{"run": run, "samples": samples})
	}
}

// serveStatistics shows what is still known of the runs that retention dropped.
func (e *Exposer) serveStatistics(w http.ResponseWriter, r *http.Request) {
	given, err := parameters(r.URL.RawQuery, "concurrency", "model", "runtime", "task")
	if err == nil && len(given) < 4 {
		err = errors.New("want task, runtime, model and concurrency: those of an experiment")
	}
	var n *int
	if err == nil {
		if n, err = concurrency(given["concurrency"]); err != nil {
			err = fmt.Errorf("parameter concurrency is %.50q: %w", given["concurrency"], err)
		}
	}
	if err != nil {
		e.writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	months, err := e.options.History.Statistics(r.Context(),
		bench.Key{Task: given["task"], Runtime: given["runtime"], Model: given["model"], Concurrency: *n})
	if err != nil {
		e.unreadable(w, "Statistics", err)
		return
	}
	e.writeJSON(w, http.StatusOK, map[string]any{"months": append([]bench.Dropped{}, months...)})
}

func (e *Exposer) serveBaselines(w http.ResponseWriter, r *http.Request) {
	if _, err := parameters(r.URL.RawQuery); err != nil {
		e.writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	pins, err := e.options.Judge.Pins(r.Context())
	if err != nil {
		e.unreadable(w, "Baselines", err)
		return
	}
	list := make([]baselineJSON, len(pins))
	for i, p := range pins {
		list[i] = baselineJSON{p.Name, p.Pinned, len(p.Levels)}
	}
	e.writeJSON(w, http.StatusOK, map[string]any{"baselines": list})
}
