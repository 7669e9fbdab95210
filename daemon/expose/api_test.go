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
		"":                              {Limit: 100},
		"?task=io-bound&runtime=go":     {Task: "io-bound", Runtime: "go", Limit: 100},
		"?model=asyncio%2Bthreads":      {Model: "asyncio+threads", Limit: 100},
		"?concurrency=10&outcome=ok":    {Concurrency: new(10), Outcome: bench.OK, Limit: 100},
		"?cycle=7&before=1000&limit=20": {Cycle: new(int64(7)), Before: 1000, Limit: 20},
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
		"runs?tasks=io-bound":         `unknown parameter "tasks": there are ` + all,
		"runs?task=a&task=b":          `parameter task is given 2 times: give it once`,
		"runs?task=":                  `parameter task is empty: give it a value or leave it out`,
		"runs?concurrency=many":       `parameter concurrency is "many": want a whole number from 1 to 2147483647`,
		"runs?concurrency=0":          `parameter concurrency is "0": want a whole number from 1 to 2147483647`,
		"runs?concurrency=9999999999": `parameter concurrency is "9999999999": want a whole number from 1 to 2147483647`,
		"runs?outcome=good":           `parameter outcome is "good": want one of ok, failed, timeout, killed, wrong_result, bad_protocol, skipped`,
		"runs?cycle=1.5":              `parameter cycle is "1.5": want a whole number of at least 1`,
		"runs?before=-1":              `parameter before is "-1": want a whole number of at least 1`,
		"runs?limit=0":                `parameter limit is "0": want a whole number from 1 to 1000`,
		"runs?limit=1001":             `parameter limit is "1001": want a whole number from 1 to 1000`,
		"runs?task=%zz":               `query string: invalid URL escape "%zz"`,
		"experiments?task=io-bound":   `unknown parameter "task": there are none here`,
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

func TestRunsPages(t *testing.T) {
	const total = 25
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
	for target := "?limit=10"; target != ""; {
		var page runsJSON
		if err := json.Unmarshal(get(t, e, "GET", "/api/v1/runs"+target).Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Runs {
			ids = append(ids, r.ID)
		}
		target = ""
		if page.NextBefore != 0 {
			target = "?limit=10&before=" + jsonOf(t, page.NextBefore)
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
	var page runsJSON
	if err := json.Unmarshal(get(t, New(o), "GET", "/api/v1/runs").Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(runsJSON{Runs: []bench.Run{want}}, page); diff != "" {
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
			`level=ERROR msg="The history cannot be read for the API." what=Runs err="disk gone"`},
		"encoding": {[]bench.Run{nan}, nil, "the answer cannot be encoded: benchd's log says why",
			`level=ERROR msg="Answer of the API cannot be encoded." err="json: unsupported value: NaN"`},
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
