package record

import (
	"slices"
	"strings"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// history records examples 0 to n-1 and returns them, the newest first.
func history(t *testing.T, s *Store, n int) []bench.Run {
	t.Helper()
	var runs []bench.Run
	for i := range n {
		r := example(i)
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, *r)
	}
	slices.Reverse(runs)
	return runs
}

func TestRunsSelects(t *testing.T) {
	s := open(t, t.TempDir())
	all := history(t, s, 130)
	middle := all[60].ID
	for _, tt := range []struct {
		name string
		q    bench.RunQuery
		keep func(r *bench.Run) bool
	}{
		{"everything", bench.RunQuery{}, func(*bench.Run) bool { return true }},
		{"no such task", bench.RunQuery{Task: "none"}, func(*bench.Run) bool { return false }},
		{"task and runtime", bench.RunQuery{Task: "io-bound", Runtime: "go"}, func(*bench.Run) bool { return true }},
		{"model", bench.RunQuery{Model: "model-3"}, func(r *bench.Run) bool { return r.Model == "model-3" }},
		{"concurrency", bench.RunQuery{Concurrency: new(20)}, func(r *bench.Run) bool { return r.Concurrency == 20 }},
		{"outcome", bench.RunQuery{Outcome: bench.Failed}, func(r *bench.Run) bool { return r.Outcome == bench.Failed }},
		{"cycle", bench.RunQuery{Cycle: new(int64(4))}, func(r *bench.Run) bool { return r.Cycle == 4 }},
		{"before", bench.RunQuery{Before: middle}, func(r *bench.Run) bool { return r.ID < middle }},
		{"one cycle of one model", bench.RunQuery{Cycle: new(int64(4)), Model: "model-1", Outcome: bench.OK},
			func(r *bench.Run) bool { return r.Cycle == 4 && r.Model == "model-1" && r.Outcome == bench.OK }},
		{"all of it", bench.RunQuery{Task: "io-bound", Runtime: "go", Model: "model-2", Concurrency: new(10), Outcome: bench.OK, Before: middle},
			func(r *bench.Run) bool {
				return r.Model == "model-2" && r.Concurrency == 10 && r.Outcome == bench.OK && r.ID < middle
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want []bench.Run
			for _, r := range all {
				if tt.keep(&r) {
					want = append(want, r)
				}
			}
			for _, limit := range []int{0, 3, maxLimit} {
				q := tt.q
				q.Limit = limit
				if limit == 0 {
					limit = defaultLimit
				}
				got, err := s.Runs(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if d := diff(want[:min(limit, len(want))], got); d != "" {
					t.Errorf("limit %d: -want +got:\n%s", q.Limit, d)
				}
			}
		})
	}
}

func TestRunsRefuses(t *testing.T) {
	s := open(t, t.TempDir())
	for _, tt := range []struct {
		q    bench.RunQuery
		want string
	}{
		{bench.RunQuery{Limit: 1001}, "limit is 1001, want 1 to 1000"},
		{bench.RunQuery{Limit: -1}, "limit is -1, want 1 to 1000"},
		{bench.RunQuery{Before: -5}, "before is -5, want the ID of a run"},
	} {
		if _, err := s.Runs(t.Context(), tt.q); err == nil || err.Error() != tt.want {
			t.Errorf("%+v: got error %v, want %s", tt.q, err, tt.want)
		}
	}
}

// The plans decide whether a question about ten million runs takes
// milliseconds or minutes, and a test with as many would take minutes itself.
func TestNoQueryReadsAllRuns(t *testing.T) {
	s := open(t, t.TempDir())
	cycle := bench.RunQuery{Cycle: new(int64(3)), Task: "t", Outcome: bench.OK, Before: 100}
	down := func(q bench.RunQuery) []string {
		text, args := downTheIDs(&q, 10)
		return plan(t, s, text, args...)
	}
	for _, tt := range []struct {
		name  string
		steps []string
		want  string // the step that finds the runs
	}{
		{"newest", down(bench.RunQuery{}), "SCAN r"}, // down the ids, it ends at the limit
		{"page", down(bench.RunQuery{Before: 100}), "SEARCH r USING INTEGER PRIMARY KEY (rowid<?)"},
		{"outcome", down(bench.RunQuery{Outcome: bench.Failed}), "SEARCH r USING INDEX runs_by_outcome (outcome=?)"},
		{"cycle", down(cycle), "SEARCH r USING INDEX runs_by_cycle (cycle=? AND rowid<?)"},
		{"of an experiment", plan(t, s, nextOfExperiment(&bench.RunQuery{}), 1, 100, 10),
			"SEARCH r USING COVERING INDEX runs_by_experiment (experiment=? AND rowid<?)"},
		{"of an experiment and outcome", plan(t, s, nextOfExperiment(&bench.RunQuery{Outcome: bench.OK}), 1, 100, bench.OK, 10),
			"SEARCH r USING COVERING INDEX runs_by_experiment_and_outcome (experiment=? AND outcome=? AND rowid<?)"},
	} {
		if !slices.Contains(tt.steps, tt.want) {
			t.Errorf("%s: want a step %s, got %q", tt.name, tt.want, tt.steps)
		}
		for _, step := range tt.steps {
			if strings.HasPrefix(step, "SCAN ") && step != tt.want || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s: %s", tt.name, step)
			}
		}
	}
}

func plan(t *testing.T, s *Store, text string, args ...any) (steps []string) {
	t.Helper()
	rows, err := s.file.Load().read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

func TestLastOK(t *testing.T) {
	s := open(t, t.TempDir())
	if last, err := s.LastOK(t.Context()); len(last) != 0 || err != nil {
		t.Fatalf("of an empty history: %v, %v", last, err)
	}
	want := map[bench.Key]bench.Run{}
	for _, r := range slices.Backward(history(t, s, 60)) {
		if r.Outcome == bench.OK {
			want[r.Key] = r
		}
	}
	failed := example(4)
	failed.Key = bench.Key{Task: "never ok"}
	if err := s.Record(t.Context(), failed); err != nil {
		t.Fatal(err)
	}
	got, err := s.LastOK(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestCycles(t *testing.T) {
	s := open(t, t.TempDir())
	last := func(want int64) {
		t.Helper()
		if got := s.LastCycle(); got != want {
			t.Errorf("last cycle is %d, want %d", got, want)
		}
	}
	last(0)
	c := bench.Cycle{Number: 3, Seed: 1<<63 + 5, WarmUp: true, Started: time.Now(), Total: 9}
	if err := s.RecordCycle(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	last(3)
	c.Done, c.Reruns, c.Overran, c.WarmUp = 9, 2, true, false
	c.Ended, c.Next = c.Started.Add(time.Minute), c.Started.Add(time.Hour)
	if err := s.RecordCycle(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	last(3)

	var got bench.Cycle
	var seed int64
	err := s.file.Load().read.QueryRowContext(t.Context(), `SELECT number, seed, warm_up, started_unix_ns, ended_unix_ns, total, done, overran, next_unix_ns, reruns FROM cycles`).
		Scan(&got.Number, &seed, &got.WarmUp, (*instant)(&got.Started), (*instant)(&got.Ended), &got.Total, &got.Done, &got.Overran, (*instant)(&got.Next), &got.Reruns)
	if err != nil {
		t.Fatal(err)
	}
	got.Seed = uint64(seed)
	if d := diff(c, got); d != "" {
		t.Errorf("-recorded +read:\n%s", d)
	}

	r := example(0)
	r.Cycle = 8 // whose cycle itself could not be recorded
	if err := s.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	last(8)
}

func TestRunByID(t *testing.T) {
	s := open(t, t.TempDir())
	want := history(t, s, 5)[2]
	got, ok, err := s.RunByID(t.Context(), want.ID)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := equal(&want, got); err != nil {
		t.Error(err)
	}
	if r, ok, err := s.RunByID(t.Context(), 99); ok || err != nil {
		t.Errorf("there is a run 99: %v, %v", r, err)
	}
}

// Experiments whose runs are not spread evenly: the merge must read on in some,
// and not in others.
func TestRunsMergesExperiments(t *testing.T) {
	s := quick(t, t.TempDir())
	var all []bench.Run
	for n := range 250 {
		r := example(n)
		r.Concurrency, r.Model = 1, "rare"
		if n%100 > 0 && n > 90 {
			r.Model = "frequent"
		}
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		all = append(all, *r)
	}
	slices.Reverse(all)
	for _, limit := range []int{1, 7, 100, 155, maxLimit} {
		got, err := s.Runs(t.Context(), bench.RunQuery{Task: "io-bound", Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(all[:min(limit, len(all))], got); d != "" {
			t.Errorf("limit %d: -want +got:\n%s", limit, d)
		}
	}
}
