package judge

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// midnight is when the first cycle of every world begins.
var midnight = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

// memory is a History that forgets nothing, and can be made to fail.
type memory struct {
	runs    []bench.Run
	changes []bench.Change
	pins    []bench.Pin
	ended   int64
	uptime  time.Duration
	fail    error
}

func (m *memory) Points(_ context.Context, of []bench.Series, most int) (map[bench.Series][]bench.Point, error) {
	points, counts := map[bench.Series][]bench.Point{}, map[bench.Series][2]int{}
	for _, r := range slices.Backward(m.runs) {
		series := bench.Series{Key: r.Key, Input: r.Input}
		p, ok := bench.PointOf(&r)
		if !ok || !slices.Contains(of, series) {
			continue
		}
		n, kind := counts[series], 0
		if p.Sound {
			kind = 1
		}
		if n[kind]++; n[kind] <= most {
			points[series] = append(points[series], p)
		}
		counts[series] = n
	}
	for _, list := range points {
		slices.Reverse(list)
	}
	return points, m.fail
}

func (m *memory) Uptime() time.Duration { return m.uptime }

func (m *memory) LastEnded(context.Context) (int64, error) { return m.ended, m.fail }

func (m *memory) Runs(_ context.Context, q bench.RunQuery) ([]bench.Run, error) {
	list := slices.Clone(last(m.runs, q.Limit))
	slices.Reverse(list)
	return list, m.fail
}

func (m *memory) RunByID(_ context.Context, id int64) (bench.Run, bool, error) {
	if id < 1 || int(id) > len(m.runs) {
		return bench.Run{}, false, m.fail
	}
	return m.runs[id-1], true, m.fail
}

func (m *memory) RecordChange(_ context.Context, c *bench.Change) error {
	if m.fail != nil {
		return m.fail
	}
	if c.ID == 0 {
		c.ID, c.Uptime = int64(len(m.changes)+1), m.Uptime()
		m.changes = append(m.changes, *c)
	}
	m.changes[c.ID-1] = *c
	return nil
}

func (m *memory) Changes(_ context.Context, q bench.ChangeQuery) ([]bench.Change, error) {
	var list []bench.Change
	for _, c := range slices.Backward(m.changes) {
		if (q.ID == 0 || q.ID == c.ID) && (!q.Open || c.Open()) {
			list = append(list, c)
		}
	}
	return list, m.fail
}

func (m *memory) Levels(context.Context) ([]bench.Change, error) {
	type id struct {
		key    bench.Key
		input  string
		figure bench.Figure
	}
	newest := map[id]bench.Change{}
	for _, c := range m.changes {
		newest[id{c.Key, c.Input, c.Figure}] = c
	}
	var list []bench.Change
	for _, c := range newest {
		list = append(list, c)
	}
	return list, m.fail
}

func (m *memory) Ended(context.Context) ([]bench.Change, error) {
	var closed memory
	for _, c := range m.changes {
		if !c.Open() {
			closed.changes = append(closed.changes, c)
		}
	}
	list, _ := closed.Levels(context.Background())
	return list, m.fail
}

func (m *memory) RecordPin(_ context.Context, p bench.Pin) error {
	m.pins = slices.Insert(m.pins, 0, p)
	return m.fail
}

func (m *memory) Pins(context.Context) ([]bench.Pin, error) { return slices.Clone(m.pins), m.fail }

func (m *memory) RemovePin(_ context.Context, name string) error {
	m.pins = slices.DeleteFunc(m.pins, func(p bench.Pin) bool { return p.Name == name })
	return m.fail
}

// world makes cycles of runs whose truth is known.
type world struct {
	*Judge
	t       testing.TB
	history memory
	options Options
	log     bytes.Buffer
	random  *rand.Rand
	cycle   int64
	now     time.Time
	wrong   time.Duration // by which the clock is ahead
	reruns  int           // rounds in a cycle at most
	rounds  int           // that there were

	noise   float64 // coefficient of variation of wall time
	shared  float64 // the same of all runs of a cycle
	lag     float64 // autocorrelation of an experiment's wall time over cycles
	tail    float64 // share of the runs that are slow, by half
	drifts  map[bench.Key]float64
	factor  func(bench.Key, bench.Figure) float64 // by what a figure differs from usual
	dirty   func(bench.Key) bool
	version func(runtime string) string
	after   func() // every run
}

const (
	python = "cpython-3.13"
	golang = "go"
)

// experiments are a task of two runtimes, another one, and the canaries.
func experiments() []bench.Experiment {
	var list []bench.Experiment
	add := func(task, runtime, model string, concurrency int, baseline, canary bool) {
		list = append(list, bench.Experiment{
			Key:  bench.Key{Task: task, Runtime: runtime, Model: model, Concurrency: concurrency},
			Unit: "requests", Size: "standard", Passes: 1, Baseline: baseline, Canary: canary,
			Expected: bench.Expected{Items: 100, Units: 100},
		})
	}
	add("canary", golang, "io", 1, true, true)
	add("canary", golang, "spin", 1, true, true)
	for _, task := range []string{"cpu", "io"} {
		for _, runtime := range []string{python, golang} {
			add(task, runtime, "sync", 1, true, false)
			add(task, runtime, "threads", 10, false, false)
			add(task, runtime, "threads", 100, false, false)
			add(task, runtime, "loop", 1, false, false)
		}
	}
	return list
}

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), now: midnight, noise: 0.03, shared: 0.05, reruns: 6,
		factor:  func(bench.Key, bench.Figure) float64 { return 1 },
		dirty:   func(bench.Key) bool { return false },
		version: func(string) string { return "1.0" },
		after:   func() {},
	}
	w.options = Options{
		Experiments: experiments(), History: &w.history, Repeat: 1, Cycles: 20, LeastDifference: 0.05, LeastChange: 0.02,
		AcceptAfter: 7 * 24 * time.Hour, Now: func() time.Time { return w.now },
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	w.start()
	return w
}

// only leaves the canaries and one task, for tests that are long.
func (w *world) only(task string) {
	w.options.Experiments = slices.DeleteFunc(w.options.Experiments, func(x bench.Experiment) bool { return x.Task != task && !x.Canary })
}

// start makes a new judge of what the history knows.
func (w *world) start() {
	w.t.Helper()
	w.Judge = New(w.options)
	if err := w.Restore(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// cycles runs so many, and after each run again what is suspect.
func (w *world) cycles(n int) {
	w.t.Helper()
	for range n {
		w.cycle++
		w.now = midnight.Add(time.Duration(w.cycle) * 15 * time.Minute).Add(w.wrong)
		w.history.uptime = time.Duration(w.cycle) * 15 * time.Minute
		machine := math.Exp(w.shared * w.random.NormFloat64())
		rounds := w.reruns
		plan := slices.Repeat(w.options.Experiments, max(1, w.options.Repeat))
		for _, i := range w.random.Perm(len(plan)) {
			x := plan[i]
			w.run(x, machine)
			for ; rounds > 0; rounds-- {
				again := w.Again(x.Key)
				if again == nil {
					break
				}
				w.rounds++
				for _, k := range again {
					w.run(w.options.Experiments[slices.IndexFunc(w.options.Experiments, func(e bench.Experiment) bool { return e.Key == k })], machine)
				}
			}
		}
		w.history.ended = w.cycle
		w.CycleEnded(w.t.Context(), bench.Cycle{Number: w.cycle})
	}
}

// waiting is the canary that hardly computes.
var waiting = key("canary", golang, "io", 1)

// usual are the truths of wall seconds.
var usual = map[string]float64{"spin": 1, "io": 1, "sync": 4, "threads": 2, "loop": 1.5}

func (w *world) run(x bench.Experiment, machine float64) {
	vary := func(cv float64) float64 { return math.Exp(cv * w.random.NormFloat64()) }
	k := x.Key
	computing, vague := 1.0, w.noise/3
	if k == waiting { // whatever the machine does
		computing, vague, machine = 0.02, 0.3, 1
	}
	wall := usual[k.Model] * machine * w.wander(k) * w.factor(k, bench.Time)
	if w.random.Float64() < w.tail {
		wall *= 1.5
	}
	f := bench.Figures{
		WallSeconds: wall, WorkloadSeconds: wall, Units: 100, Items: 100, Passes: 1,
		CPUUserSeconds:  usual[k.Model] * computing * vary(vague) * w.factor(k, bench.CPU),
		PeakMemoryBytes: new(4096 * math.Round(5000*vary(0.002)*w.factor(k, bench.Memory))),
	}
	if k.Task == "io" {
		latency := 0.05 * vary(w.noise) * w.factor(k, bench.LatencyP99)
		f.Latency = &bench.Histogram{SumSeconds: 100 * latency, Buckets: []bench.Bucket{{LE: latency * 0.98}, {LE: latency, Count: 100}}}
	}
	w.now = w.now.Add(time.Duration(wall * float64(time.Second)))
	r := bench.Run{
		ID: int64(len(w.history.runs) + 1), Key: k, Unit: x.Unit, Size: x.Size, Input: x.Input(), Cycle: w.cycle,
		Started: w.now, Ended: w.now, Outcome: bench.OK, Figures: &f,
		Versions:    bench.Versions{Runtime: w.version(k.Runtime)},
		Fingerprint: &bench.Fingerprint{Host: bench.Host{Kernel: "6.18"}, Benchd: "1"},
	}
	if w.dirty(k) {
		r.Noise = []bench.Noise{bench.NoiseRunDelay}
	}
	w.history.runs = append(w.history.runs, r)
	w.Judge.Judge(w.t.Context(), &r)
	w.after()
}

// wander is an experiment's own noise: autocorrelated from run to run, with the
// same spread whatever the lag.
func (w *world) wander(k bench.Key) float64 {
	if w.drifts == nil {
		w.drifts = map[bench.Key]float64{}
	}
	w.drifts[k] = w.lag*w.drifts[k] + math.Sqrt(1-w.lag*w.lag)*w.random.NormFloat64()
	return math.Exp(w.noise * w.drifts[k])
}

// fast is an experiment of the task cpu that has a baseline.
var fast = key("cpu", golang, "loop", 1)

// recovered makes the experiment slower by 20 % and, when that is told, as it was.
func (w *world) recovered(k bench.Key) {
	w.t.Helper()
	w.regresses(k, bench.Time, 1.2)
	w.slowdown(k, bench.Time, w.cycle+1, 1)
	for w.of(k, bench.Time) != nil {
		w.cycles(1)
	}
	w.start()
}

// toldAfter slows the experiment down, and is after how many cycles that is told:
// more than the most if it is not.
func (w *world) toldAfter(k bench.Key, by float64, most int) (cycles int) {
	w.t.Helper()
	w.slowdown(k, bench.Time, w.cycle+1, by)
	for cycles = 1; cycles <= most; cycles++ {
		w.cycles(1)
		if w.of(k, bench.Time) != nil || w.of(k, bench.Relative) != nil {
			break
		}
	}
	return cycles
}

// open are the open changes.
func (w *world) open() []bench.Change { return w.Judgements().Open }

// of is the open change of a figure, nil if there is none.
func (w *world) of(k bench.Key, f bench.Figure) *bench.Change {
	for _, c := range w.open() {
		if c.Key == k && c.Figure == f {
			return &c
		}
	}
	return nil
}

func key(task, runtime, model string, concurrency int) bench.Key {
	return bench.Key{Task: task, Runtime: runtime, Model: model, Concurrency: concurrency}
}
