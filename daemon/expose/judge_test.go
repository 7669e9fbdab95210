package expose

import (
	"context"
	"time"

	"benchd/daemon/bench"
)

// fakeJudge is a Judge whose judgements and answers are given.
type fakeJudge struct {
	judgements bench.Judgements
	accept     func(ctx context.Context, which bench.Selection, by string) ([]bench.Change, error)
	pins       []bench.Pin
}

func (f *fakeJudge) Judgements() bench.Judgements { return f.judgements }

func (f *fakeJudge) Accept(ctx context.Context, which bench.Selection, by string) ([]bench.Change, error) {
	return f.accept(ctx, which, by)
}

func (f *fakeJudge) Pin(_ context.Context, name string) (bench.Pin, error) {
	pin := bench.Pin{Name: name, Pinned: noon, Levels: make([]bench.PinLevel, 3)}
	f.pins = append([]bench.Pin{pin}, f.pins...)
	return pin, nil
}

func (f *fakeJudge) Pins(context.Context) ([]bench.Pin, error) { return f.pins, nil }

func (f *fakeJudge) Unpin(_ context.Context, _ string) error {
	f.pins = nil
	return nil
}

// slower is an open regression.
func slower() bench.Change {
	moment := func(run int64) bench.Moment {
		return bench.Moment{Run: run, Cycle: run / 4, Time: noon.Add(time.Duration(run) * time.Minute)}
	}
	return bench.Change{
		ID: 7, Key: asyncioKey, Figure: bench.CPU, Direction: bench.Regression, Scope: bench.ScopeModel,
		LastBefore: moment(8), Began: moment(12), Detected: moment(32),
		Size: bench.Ratio{Ratio: 1.2, Low: 1.15, High: 1.25}, Before: 0.001, After: 0.0012,
		Differences: []bench.Difference{{Cause: bench.CauseClient, From: "aiohttp 3.11.16", To: "aiohttp 3.12.0"}},
	}
}

// larger needs more memory, relative became slower than its baseline.
func larger() bench.Change {
	c := slower()
	c.ID, c.Figure, c.Before, c.After, c.Differences = 8, bench.Memory, 5e7, 6e7, nil
	return c
}

func relative() bench.Change {
	c := slower()
	c.ID, c.Figure, c.Before, c.After, c.Differences = 9, bench.Relative, 0.5, 0.6, nil
	return c
}

// accepted is a change that is open no more.
func accepted() bench.Change {
	c := slower()
	c.ID, c.Key, c.Scope = 3, goroutinesKey, bench.ScopeHost
	c.Closed, c.Ending, c.By = noon.Add(time.Hour), bench.Accepted, "ann: new kernel"
	return c
}

// allJudgements have everything that can be judged.
func allJudgements() bench.Judgements {
	ratio := func(v float64) *bench.Ratio { return &bench.Ratio{Ratio: v, Low: 0.9 * v, High: 1.1 * v} }
	better := bench.Comparison{Figure: bench.Throughput, With: syncKey, Among: bench.AmongModels, Verdict: bench.Better, Ratio: ratio(3), Cycles: 20, Sentence: "It is better."}
	unknown := bench.Comparison{Figure: bench.Memory, With: syncKey, Among: bench.AmongRuntimes, Verdict: bench.Unknown, Cycles: 4, Missing: new(2), Sentence: "Not enough data yet."}
	failing := bench.Comparison{Figure: bench.ErrorRatio, With: syncKey, Among: bench.AmongModels, Verdict: bench.Worse,
		Ratio: &bench.Ratio{Ratio: 0.02, Low: 0.01, High: 0.03}, Cycles: 20, Sentence: "It is worse."}
	return bench.Judgements{
		Experiments: []bench.Judgement{
			{Key: syncKey, Courses: []bench.Course{{Figure: bench.Time}}},
			{Key: asyncioKey, Courses: []bench.Course{
				{Figure: bench.CPU, State: bench.Regressed, Runs: 30, Level: 0.0012, Noticeable: new(0.07), Drift: ratio(1.25)},
				{Figure: bench.Memory, State: bench.Suspected, Runs: 5, Level: 5e7},
			}, Comparisons: []bench.Comparison{better, unknown, failing},
				Advice: []bench.GoalAdvice{{Goal: bench.GoalThroughput, Among: bench.AmongModels, Advice: bench.Use}}},
		},
		Conclusions: []bench.Conclusion{{Task: "io-bound", Runtime: "cpython-3.13", Goal: bench.GoalThroughput, Best: []bench.Key{asyncioKey}, Sentence: "For throughput use asyncio 100 · cpython-3.13."}},
		Scalings: []bench.Scaling{
			{Task: "io-bound", Runtime: "cpython-3.13", Model: "asyncio", Verdict: bench.PeakShown, Lambda: ratio(19), Sigma: ratio(0.01), Kappa: ratio(1e-5), Peak: ratio(300), Best: 100, Cycles: 20, Sentence: "It has its peak at 300."},
			{Task: "io-bound", Runtime: "go", Model: "goroutines", Verdict: bench.ScalingUnknown, Sentence: "Not enough data yet."},
		},
		Open: []bench.Change{slower(), larger(), relative()}, Ended: []bench.Change{accepted()}, Host: bench.HostSlower, HostRatio: ratio(1.3), Disturbed: 0.25,
		PinName: "release 1", Pinned: noon,
		Found:    map[bench.Kind]int{{Direction: bench.Regression, Scope: bench.ScopeModel}: 2},
		Closed:   map[bench.Ending]int{bench.Recovered: 1},
		Suspects: map[bench.Key]int{asyncioKey: 3},
	}
}
