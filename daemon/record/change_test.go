package record

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"benchd/daemon/bench"
)

// exampleChange is a change that began with the run. One in three is open.
func exampleChange(r *bench.Run) *bench.Change {
	m := bench.Moment{Run: r.ID, Cycle: r.Cycle, Time: r.Started}
	c := &bench.Change{
		Key: r.Key, Input: r.Input, Figure: bench.CPU, Direction: bench.Regression, Scope: bench.ScopeModel,
		LastBefore: bench.Moment{Run: r.ID - 1, Cycle: r.Cycle, Time: r.Started.Add(-time.Second)}, Began: m, Detected: m,
		Size: bench.Ratio{Ratio: 1.2, Low: 1.1, High: 1.3}, Before: 1.0 / 3, After: 0.4,
		Differences: []bench.Difference{{Cause: bench.CauseKernel, From: "6.12", To: "6.13"}},
		Level:       r.ID, Old: []float64{1.0 / 3, 0.1, 5e-324},
	}
	if r.ID%3 != 0 {
		c.Closed, c.Ending = r.Ended, bench.Recovered
	}
	return c
}

func TestAChangeReadIsTheChangeRecorded(t *testing.T) {
	s := open(t, t.TempDir())
	var want []bench.Change // the newest first
	for i, r := range history(t, s, 12) {
		c := exampleChange(&r)
		if i%3 == 0 {
			c.Old, c.Differences = nil, nil
		}
		if err := s.RecordChange(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		want = slices.Insert(want, 0, *c)
	}
	closed := &want[4]
	closed.Closed, closed.Ending, closed.By = closed.Began.Time.Add(time.Hour), bench.Accepted, "Ada: a new compiler"
	closed.Level, closed.Old = 77, []float64{2}
	if err := s.RecordChange(t.Context(), closed); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		q    bench.ChangeQuery
		keep func(c *bench.Change) bool
	}{
		{"everything", bench.ChangeQuery{}, func(*bench.Change) bool { return true }},
		{"open", bench.ChangeQuery{Open: true}, func(c *bench.Change) bool { return c.Open() }},
		{"model", bench.ChangeQuery{Task: "io-bound", Model: "model-1"}, func(c *bench.Change) bool { return c.Model == "model-1" }},
		{"concurrency", bench.ChangeQuery{Concurrency: new(20), Open: true}, func(c *bench.Change) bool { return c.Concurrency == 20 && c.Open() }},
		{"no such runtime", bench.ChangeQuery{Runtime: "none"}, func(*bench.Change) bool { return false }},
		{"one", bench.ChangeQuery{ID: closed.ID}, func(c *bench.Change) bool { return c.ID == closed.ID }},
		{"before", bench.ChangeQuery{Before: closed.ID}, func(c *bench.Change) bool { return c.ID < closed.ID }},
	} {
		var kept []bench.Change
		for _, c := range want {
			if tt.keep(&c) {
				kept = append(kept, c)
			}
		}
		for _, limit := range []int{0, 2} {
			tt.q.Limit = limit
			got, err := s.Changes(t.Context(), tt.q)
			if err != nil {
				t.Fatal(err)
			}
			if limit == 0 {
				limit = len(kept)
			}
			if d := diff(kept[:min(limit, len(kept))], got); d != "" {
				t.Errorf("%s, limit %d: -want +got:\n%s", tt.name, tt.q.Limit, d)
			}
		}
	}
}

func TestChangesRefuses(t *testing.T) {
	s := open(t, t.TempDir())
	for _, tt := range []struct {
		q    bench.ChangeQuery
		want string
	}{
		{bench.ChangeQuery{Limit: 1001}, "limit is 1001, want 1 to 1000"},
		{bench.ChangeQuery{Before: -5}, "before is -5 and id 0, want the ID of a change"},
	} {
		if _, err := s.Changes(t.Context(), tt.q); err == nil || err.Error() != tt.want {
			t.Errorf("%+v: got error %v, want %s", tt.q, err, tt.want)
		}
	}
	c := exampleChange(example(1))
	c.ID = 7
	want := "record a change of cpu of io-bound/go/model-1/10: " + s.path + ": it has no change 7 to update: record it with ID 0 as a new one"
	if err := s.RecordChange(t.Context(), c); err == nil || err.Error() != want {
		t.Errorf("got error %v\nwant %s", err, want)
	}
}

// The level is that of the newest change, what has ended that of the newest that
// is closed.
func TestNewestChanges(t *testing.T) {
	s := open(t, t.TempDir())
	levels, ended := map[string]int64{}, map[string]int64{}
	for i, tt := range []struct {
		run    int // whose experiment it is
		input  string
		figure bench.Figure
		closed bool
	}{
		{1, "a", bench.CPU, true},
		{1, "a", bench.Time, false},
		{1, "b", bench.CPU, true},
		{1, "a", bench.CPU, true},
		{2, "a", bench.CPU, true},
		{2, "a", bench.CPU, false},
	} {
		c := exampleChange(example(tt.run))
		c.Input, c.Figure, c.Level = tt.input, tt.figure, int64(10+i)
		of := fmt.Sprint(c.Key, tt.input, tt.figure)
		c.Closed = time.Time{}
		if levels[of] = c.Level; tt.closed {
			c.Closed = c.Began.Time
			ended[of] = c.Level
		}
		if err := s.RecordChange(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		ask  func(context.Context) ([]bench.Change, error)
		want map[string]int64
	}{{"levels", s.Levels, levels}, {"ended", s.Ended, ended}} {
		changes, err := tt.ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for _, c := range changes {
			got[fmt.Sprint(c.Key, c.Input, c.Figure)] = c.Level
		}
		if d := cmp.Diff(tt.want, got); d != "" || len(changes) != len(tt.want) {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
	}
}

func TestPins(t *testing.T) {
	s := open(t, t.TempDir())
	none := func(name, want string) {
		t.Helper()
		if err := s.RemovePin(t.Context(), name); err == nil || err.Error() != want {
			t.Errorf("got error %v\nwant %s", err, want)
		}
	}
	none("a", `remove pin "a": there are no pins`)
	var want []bench.Pin
	for i, name := range []string{"before the move", "b", "b"} {
		p := bench.Pin{Name: name, Pinned: example(i).Started, Levels: []bench.PinLevel{
			{Key: example(i).Key, Input: "x", Figure: bench.Time, Values: []float64{1.0 / 3, float64(i)}},
		}}
		if err := s.RecordPin(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		want = append(want, p)
	}
	want = []bench.Pin{want[2], want[0]} // the second b took the place of the first
	got, err := s.Pins(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	none("a", `remove pin "a": there is no such pin, choose one of b, before the move`)
	if err := s.RemovePin(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Pins(t.Context()); err != nil || len(got) != 1 || got[0].Name != "before the move" {
		t.Errorf("after b was removed: %v, %v", got, err)
	}
}
