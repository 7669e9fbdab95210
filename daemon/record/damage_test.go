package record

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"benchd/daemon/bench"
)

var flips = flag.Int("flips", 60, "bits that TestAFlippedBitChangesNothingSilently flips, each in a file of its own")

// answers are all that a history says.
type answers struct {
	Runs    map[int64]bench.Run
	Changes map[int64]bench.Change
	Points  map[bench.Series][]bench.Point
	Samples map[int64][]bench.Sample
	Pins    []bench.Pin
	Months  []bench.Dropped
	Ended   int64
}

func ask(ctx context.Context, s *Store, of []bench.Series) (a answers, err error) {
	runs, err := s.Runs(ctx, bench.RunQuery{Limit: maxLimit})
	if err != nil {
		return a, err
	}
	a = answers{Runs: map[int64]bench.Run{}, Changes: map[int64]bench.Change{}, Samples: map[int64][]bench.Sample{}}
	for _, r := range runs {
		a.Runs[r.ID] = r
		samples, err := s.Samples(ctx, r.ID)
		if err != nil {
			return a, err
		}
		if samples != nil {
			a.Samples[r.ID] = samples
		}
	}
	changes, err := s.Changes(ctx, bench.ChangeQuery{Limit: maxLimit})
	for _, c := range changes {
		a.Changes[c.ID] = c
	}
	if err != nil {
		return a, err
	}
	if a.Points, err = s.Points(ctx, of, 1000); err != nil {
		return a, err
	}
	if a.Pins, err = s.Pins(ctx); err != nil {
		return a, err
	}
	for _, series := range of {
		months, err := s.Statistics(ctx, series.Key)
		if err != nil {
			return a, err
		}
		a.Months = append(a.Months, months...)
	}
	a.Ended, err = s.LastEnded(ctx)
	return a, err
}

// varied leaves a history behind that has rows of all kinds in it.
func varied(t *testing.T, dir string) []bench.Series {
	t.Helper()
	s := quick(t, dir)
	var runs []bench.Run
	for i := range 60 {
		r := example(i)
		s.running = func() time.Duration { return time.Duration(i) * time.Hour }
		r.Model, r.WarmUp = r.Model[:len("model-")], i < 3
		if i%4 == 0 {
			r.Samples = []bench.Sample{{Seconds: float64(i), MemoryBytes: 1e9}}
		}
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.Samples = nil
		runs = append(runs, *r)
		if i%6 == 0 {
			if err := s.RecordChange(t.Context(), exampleChange(r)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.RecordCycle(t.Context(), bench.Cycle{Number: int64(i/10) + 1, Started: r.Started, Ended: r.Ended, Total: 1, Done: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b"} {
		if err := s.RecordPin(t.Context(), bench.Pin{Name: name, Levels: []bench.PinLevel{{Key: runs[0].Key, Values: []float64{1, 2}}}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Prune(t.Context(), runs[59].Ended, Limits{Age: 40 * time.Hour, Points: 5}); err != nil {
		t.Fatal(err)
	}
	return seriesOfRuns(runs)
}

// TestAFlippedBitChangesNothingSilently flips one bit of a file at a time: every
// answer is as it was, or is missing and was said and counted, and recording goes
// on. Bits of every page have a turn, and those of headers more often.
func TestAFlippedBitChangesNothingSilently(t *testing.T) {
	original := t.TempDir()
	var series []bench.Series
	t.Run("made", func(t *testing.T) { series = varied(t, original) }) // closed at its end
	content, err := os.ReadFile(filepath.Join(original, fileName))
	if err != nil {
		t.Fatal(err)
	}
	mark, err := os.ReadFile(filepath.Join(original, markName))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), original, quiet)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ask(t.Context(), s, series)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if len(want.Runs) < 20 || len(want.Months) == 0 || len(want.Samples) == 0 {
		t.Fatalf("%d runs, %d months and samples of %d are too few to damage", len(want.Runs), len(want.Months), len(want.Samples))
	}
	random := rand.New(rand.NewPCG(1, uint64(*flips)))
	damaged := 0
	for n := range *flips {
		bit := random.IntN(8 * len(content))
		if n%3 == 0 { // of the head of a page, all of which decide about it
			bit = 8*smallestFile*random.IntN(len(content)/smallestFile) + random.IntN(8*100)
		}
		t.Run(fmt.Sprintf("byte %d bit %d", bit/8, bit%8), func(t *testing.T) {
			dir := t.TempDir()
			flipped := bytes.Clone(content)
			flipped[bit/8] ^= 1 << (bit % 8)
			write(t, filepath.Join(dir, fileName), flipped)
			write(t, filepath.Join(dir, markName), mark)
			var log bytes.Buffer
			s, err := Open(t.Context(), dir, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close() //nolint:errcheck // nothing is left to find out
			got, err := ask(t.Context(), s, series)
			if err != nil {
				t.Fatal(err)
			}
			losses := s.Losses()
			maps.DeleteFunc(losses, func(_ string, n int64) bool { return n == 0 })
			if len(losses) > 0 {
				damaged++
				if !strings.Contains(log.String(), "level=ERROR") {
					t.Errorf("lost %v without a word", losses)
				}
			}
			if d := diff(want, got); d != "" && len(losses) == 0 {
				t.Errorf("changed silently: -want +got:\n%s", d)
			}
			got.mustBePartOf(t, &want)
			r := example(7)
			if err := s.Record(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if r.ID != 61 {
				t.Errorf("the next run has ID %d, want 61", r.ID)
			}
		})
	}
	if damaged < *flips/8 {
		t.Errorf("%d of %d flipped bits did any harm", damaged, *flips)
	}
}

// mustBePartOf fails for whatever is not among the wanted answers.
func (a *answers) mustBePartOf(t *testing.T, want *answers) {
	t.Helper()
	for id, r := range a.Runs {
		of := want.Runs[id]
		if r.Fingerprint == nil { // it may be lost
			of.Fingerprint = nil
		}
		if d := diff(of, r); d != "" {
			t.Errorf("run %d: -want +got:\n%s", id, d)
		}
	}
	for id, c := range a.Changes {
		if d := diff(want.Changes[id], c); d != "" {
			t.Errorf("change %d: -want +got:\n%s", id, d)
		}
	}
	for id, samples := range a.Samples {
		if d := diff(want.Samples[id], samples); d != "" {
			t.Errorf("samples of run %d: -want +got:\n%s", id, d)
		}
	}
	for series, points := range a.Points {
		for _, p := range points {
			if !contains(want.Points[series], p) {
				t.Errorf("no such point: %+v", p)
			}
		}
	}
	for _, m := range a.Months {
		if !contains(want.Months, m) {
			t.Errorf("no such month: %+v", m)
		}
	}
	for _, p := range a.Pins {
		if !contains(want.Pins, p) {
			t.Errorf("no such pin: %+v", p)
		}
	}
}

func contains[T any](list []T, v T) bool {
	for _, other := range list {
		if diff(other, v) == "" {
			return true
		}
	}
	return false
}
