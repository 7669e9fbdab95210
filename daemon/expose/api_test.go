package expose

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"benchd/daemon/bench"
)

func TestRunsPassesTheQueryOn(t *testing.T) {
	for target, want := range map[string]bench.RunQuery{
		"":                             {Limit: 16},
		"?task=io-bound&runtime=go":    {Task: "io-bound", Runtime: "go", Limit: 16},
		"?model=asyncio%2Bthreads":     {Model: "asyncio+threads", Limit: 16},
		"?concurrency=10&outcome=ok":   {Concurrency: new(10), Outcome: bench.OK, Limit: 16},
		"?cycle=7&before=1000&limit=7": {Cycle: new(int64(7)), Before: 1000, Limit: 7},
	} {
		var got bench.RunQuery
		o := testOptions()
		o.History = fakeHistory(func(_ context.Context, q bench.RunQuery) ([]bench.Run, error) {
			got = q
			return nil, nil
		})
		answer := get(t, New(o), "GET", "/api/v1/runs"+target)
		if answer.Code != http.StatusOK || answer.Body.String() != `{"runs":[]}`+"\n" {
			t.Errorf("%s: got %d %s", target, answer.Code, answer.Body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
}

func TestRunsRefuses(t *testing.T) {
	const all = "before, concurrency, cycle, limit, model, outcome, runtime, task"
	o := testOptions()
	o.History = fakeHistory(func(context.Context, bench.RunQuery) ([]bench.Run, error) {
		t.Error("a bad query was passed on")
		return nil, nil
	})
	e := New(o)
	for target, want := range map[string]string{
		"runs?tasks=io-bound":                            `unknown parameter "tasks": there are ` + all,
		"runs?task=a&task=b":                             `parameter task is given 2 times: give it once`,
		"runs?task=":                                     `parameter task is empty: give it a value or leave it out`,
		"runs?concurrency=many":                          `parameter concurrency is "many": want a whole number from 1 to 2147483647`,
		"runs?concurrency=0":                             `parameter concurrency is "0": want a whole number from 1 to 2147483647`,
		"runs?concurrency=9999999999":                    `parameter concurrency is "9999999999": want a whole number from 1 to 2147483647`,
		"runs?outcome=good":                              `parameter outcome is "good": want one of ok, failed, timeout, killed, wrong_result, bad_protocol, skipped`,
		"runs?cycle=1.5":                                 `parameter cycle is "1.5": want a whole number of at least 1`,
		"runs?before=-1":                                 `parameter before is "-1": want a whole number of at least 1`,
		"runs?limit=0":                                   `parameter limit is "0": want a whole number from 1 to 1000`,
		"runs?limit=1001":                                `parameter limit is "1001": want a whole number from 1 to 1000`,
		"runs?model=asyncio+threads":                     `parameter model is "asyncio threads": no experiment has it; there are asyncio, asyncio+threads, goroutines, sync, threading; a + in an address means a blank: write %2B`,
		"runs?task=nop":                                  `parameter task is "nop": no experiment has it; there are cpu-bound, io-bound`,
		"runs?task=IO-bound":                             `parameter task is "IO-bound": no experiment has it; there are cpu-bound, io-bound`,
		"runs?runtime=go%20":                             `parameter runtime is "go ": no experiment has it; there are cpython-3.13, cpython-3.14t, cpython-3.9, go; a + in an address means a blank: write %2B`,
		"runs?concurrency=7":                             `parameter concurrency is "7": no experiment has it; there are 1, 4, 10, 100`,
		"runs?task=cpu-bound&model=asyncio":              `parameter model is "asyncio": no experiment of task cpu-bound has it; there are sync, threading`,
		"runs?runtime=go&model=goroutines&concurrency=1": `parameter concurrency is "1": no experiment of runtime go of model goroutines has it; there are 100`,
		"runs?model=%ff%1b[2J":                           `parameter model is "\xff\x1b[2J": no experiment has it; there are asyncio, asyncio+threads, goroutines, sync, threading`,
		"runs?model=" + strings.Repeat("x", 60000):       `parameter model is "` + strings.Repeat("x", 50) + `": no experiment has it; there are asyncio, asyncio+threads, goroutines, sync, threading`,
		"changes?model=asyncio+threads":                  `parameter model is "asyncio threads": no experiment has it; there are asyncio, asyncio+threads, goroutines, sync, threading; a + in an address means a blank: write %2B`,
		"changes?task=nop":                               `parameter task is "nop": no experiment has it; there are cpu-bound, io-bound`,
		"verdicts?task=nop":                              `parameter task is "nop": no experiment has it; there are cpu-bound, io-bound`,
		"verdicts?task=cpu-bound&runtime=go":             `parameter runtime is "go": no experiment of task cpu-bound has it; there are cpython-3.13, cpython-3.14t`,
		"statistics?task=io-bound&runtime=go&model=asyncio&concurrency=1": `parameter model is "asyncio": no experiment of task io-bound of runtime go has it; there are goroutines`,
		"runs?=1":                         `unknown parameter "": there are ` + all,
		"runs?TASK=io-bound":              `unknown parameter "TASK": there are ` + all,
		"runs?since=2026-01-01":           `unknown parameter "since": there are ` + all,
		"runs?task=io-bound;limit=1":      `query string: invalid semicolon separator in query`,
		"runs?limit=99999999999999999999": `parameter limit is "99999999999999999999": want a whole number from 1 to 1000`,
		"runs?limit=1e2":                  `parameter limit is "1e2": want a whole number from 1 to 1000`,
		"runs?task=%zz":                   `query string: invalid URL escape "%zz"`,
		"experiments?task=io-bound":       `unknown parameter "task": there are none here`,
	} {
		answer := get(t, e, "GET", "/api/v1/"+target)
		checkError(t, target, answer.Code, http.StatusBadRequest, answer.Body.String(), want)
	}
}

func checkError(t *testing.T, target string, code, wantCode int, body, want string) {
	t.Helper()
	var got map[string]string
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Errorf("%s: %v in %q", target, err, body)
		return
	}
	if diff := cmp.Diff(map[string]string{"error": want}, got); code != wantCode || diff != "" {
		t.Errorf("%s: status %d, want %d (-want +got):\n%s", target, code, wantCode, diff)
	}
}

type runsPage struct {
	Runs       []bench.Run `json:"runs"`
	NextBefore int64       `json:"next_before"`
}

func TestRunsPages(t *testing.T) {
	const total = 60
	o := testOptions()
	o.History = fakeHistory(func(_ context.Context, q bench.RunQuery) (runs []bench.Run, _ error) {
		id := int64(total)
		if q.Before != 0 {
			id = q.Before - 1
		}
		for ; id > 0 && len(runs) < q.Limit; id-- {
			r := run(asyncioKey, bench.OK, allFigures())
			r.ID = id
			runs = append(runs, r)
		}
		return runs, nil
	})
	e := New(o)
	var ids, want []int64
	for id := int64(total); id > 0; id-- {
		want = append(want, id)
	}
	for target := "?limit=20"; target != ""; {
		var page runsPage
		if err := json.Unmarshal(get(t, e, "GET", "/api/v1/runs"+target).Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Runs {
			ids = append(ids, r.ID)
		}
		target = ""
		if page.NextBefore != 0 {
			target = "?limit=20&before=" + jsonOf(t, page.NextBefore)
		}
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRunsKeepsEveryFigure(t *testing.T) {
	want := run(asyncioKey, bench.OK, allFigures())
	o := testOptions()
	o.History = fakeHistory(func(context.Context, bench.RunQuery) ([]bench.Run, error) { return []bench.Run{want}, nil })
	var page runsPage
	if err := json.Unmarshal(get(t, New(o), "GET", "/api/v1/runs?limit=1").Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]bench.Run{want}, page.Runs); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func TestAPIFailures(t *testing.T) {
	nan := run(asyncioKey, bench.OK, allFigures())
	nan.Figures.WallSeconds = math.NaN()
	for name, tt := range map[string]struct {
		runs      []bench.Run
		err       error
		want, log string
	}{
		"history": {nil, errors.New("disk gone"), "the history cannot be read: benchd's log says why",
			`level=ERROR msg="A request of the API has failed." path=/api/v1/runs err="disk gone"`},
		"encoding": {[]bench.Run{nan}, nil, "the answer cannot be encoded: benchd's log says why",
			`level=ERROR msg="A request of the API has failed." path=/api/v1/runs err="it cannot be encoded: json: unsupported value: NaN"`},
	} {
		var log strings.Builder
		o := testOptions()
		o.Logger = logTo(&log)
		o.History = fakeHistory(func(context.Context, bench.RunQuery) ([]bench.Run, error) { return tt.runs, tt.err })
		answer := get(t, New(o), "GET", "/api/v1/runs")
		checkError(t, name, answer.Code, http.StatusInternalServerError, answer.Body.String(), tt.want)
		if log.String() != tt.log+"\n" {
			t.Errorf("%s: log is %s", name, log.String())
		}
	}
}

func TestExperimentsGolden(t *testing.T) {
	e := New(testOptions())
	e.RunEnded(run(asyncioKey, bench.OK, allFigures()), nil)
	answer := get(t, e, "GET", "/api/v1/experiments")
	if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", answer.Code, answer.Header().Get("Content-Type"))
	}
	var v any
	if err := json.Unmarshal(answer.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	indented, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "experiments.golden", string(indented)+"\n")
}
