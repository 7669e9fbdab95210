package schedule

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/cron"
)

// world is a scheduler's surroundings: all that it does is noted down.
type world struct {
	*Scheduler
	events []string // as they happened
	runs   []bench.Run
	cycles []bench.Cycle // that ended
	starts []time.Duration
	log    bytes.Buffer

	began     time.Time
	output    string                 // of every run
	take      time.Duration          // that a run takes
	refuse    func(*bench.Run) error // by the recorder, nil for never
	afterRun  func(n int)            // is told how many runs there were
	again     func(bench.Key) []bench.Key
	recording func(context.Context) // sees the context of recordings
}

func newWorld(n int) *world {
	w := &world{take: 10 * time.Second, began: time.Now()}
	w.Scheduler = &Scheduler{
		Runner: w, Recorder: w, Judge: judge{w}, Observer: w,
		Interval: 10 * time.Minute,
		Repeat:   1,
		Seed:     new(uint64(1)),
		Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})),
	}
	for i := range n {
		w.Experiments = append(w.Experiments, bench.Experiment{Key: bench.Key{Task: "t", Model: fmt.Sprint(i)}})
	}
	return w
}

// cronOf is nil for no expression.
func cronOf(t *testing.T, expression string) *cron.Schedule {
	t.Helper()
	if expression == "" {
		return nil
	}
	s, err := cron.Parse(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return s
}

func (w *world) note(format string, args ...any) {
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

func (w *world) Run(ctx context.Context, e bench.Experiment) bench.Run {
	r := bench.Run{Key: e.Key, Outcome: bench.OK, Output: w.output}
	select {
	case <-time.After(w.take):
	case <-ctx.Done():
		r.Outcome = bench.Killed
	}
	return r
}

func (w *world) Record(ctx context.Context, r *bench.Run) error {
	w.note("record %s", r.Model)
	if w.recording != nil {
		w.recording(ctx)
	}
	if w.refuse != nil {
		if err := w.refuse(r); err != nil {
			return err
		}
	}
	r.ID = int64(len(w.runs) + 1)
	return ctx.Err()
}

func (w *world) RecordCycle(ctx context.Context, c bench.Cycle) error {
	w.note("record cycle %d, %d/%d", c.Number, c.Done, c.Total)
	if w.recording != nil {
		w.recording(ctx)
	}
	if w.refuse != nil {
		return w.refuse(nil)
	}
	return ctx.Err()
}

func (w *world) Judge(_ context.Context, r *bench.Run) { w.note("judge %s", r.Model) }

func (w *world) Again(k bench.Key) []bench.Key {
	if w.again == nil {
		return nil
	}
	return w.again(k)
}

func (w *world) CycleStarted(c bench.Cycle) {
	w.note("cycle %d starts, %d runs", c.Number, c.Total)
	w.starts = append(w.starts, c.Started.Sub(w.began))
}

func (w *world) RunStarted(e bench.Experiment, _ time.Time) { w.note("start %s", e.Model) }

func (w *world) RunEnded(r bench.Run, err error) {
	w.note("end %s, ID %d, %v", r.Model, r.ID, err)
	w.runs = append(w.runs, r)
	if w.afterRun != nil {
		w.afterRun(len(w.runs))
	}
}

func (w *world) ResultsWaiting(n int) { w.note("%d wait", n) }

func (w *world) CycleProgress(c bench.Cycle) { w.note("progress %d/%d", c.Done, c.Total) }

// judge is the world as the scheduler's judge: the observer is told of the end
// of cycles too.
type judge struct{ *world }

func (j judge) CycleEnded(_ context.Context, c bench.Cycle) { j.note("judge cycle %d", c.Number) }

func (w *world) CycleEnded(c bench.Cycle) {
	w.note("cycle %d ends, %d/%d", c.Number, c.Done, c.Total)
	w.cycles = append(w.cycles, c)
}

// runFor lets the scheduler run for so long, by a clock that costs no time.
func (w *world) runFor(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := w.Scheduler.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if late := time.Since(w.began) - d; late != 0 {
		t.Errorf("it ended %v after it was told to", late)
	}
}

func same[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s are %v\nwant %v", what, got, want)
	}
}

func inBubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func (w *world) logged(text string) int { return strings.Count(w.log.String(), text) }
