package record

import (
	"math"
	"slices"
	"testing"

	"benchd/daemon/bench"
)

// pointsOf are those of the runs, of which the newest is the first, and of each
// experiment no more than so many: the oldest comes first.
func pointsOf(runs []bench.Run, perExperiment int) map[bench.Key][]bench.Point {
	points := map[bench.Key][]bench.Point{}
	for _, r := range runs {
		if p, ok := bench.PointOf(&r); ok && len(points[r.Key]) < perExperiment {
			points[r.Key] = slices.Insert(points[r.Key], 0, p)
		}
	}
	return points
}

func TestPointsAreThoseOfTheRuns(t *testing.T) {
	s := open(t, t.TempDir())
	runs := history(t, s, 130)
	for _, perExperiment := range []int{1, 3, 1000} {
		got, err := s.Points(t.Context(), perExperiment)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(pointsOf(runs, perExperiment), got); d != "" {
			t.Errorf("%d per experiment: -want +got:\n%s", perExperiment, d)
		}
	}
}

func TestSamplesAreKeptOfTheLatestRuns(t *testing.T) {
	s := open(t, t.TempDir())
	var ids []int64
	record := func(r *bench.Run) {
		t.Helper()
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	seen := func(n int) []bench.Sample {
		return []bench.Sample{
			{Seconds: 0.1, CPUPercent: 1.0 / 3, MemoryBytes: 1e12 + 1, Threads: float64(n), Processes: 1},
			{Seconds: 0.2, CPUPercent: 1e-300, Threads: 7},
		}
	}
	for n := range 8 {
		r := example(1)
		r.Samples = seen(n)
		record(r)
	}
	record(example(4)) // of another experiment, and without samples
	record(example(1)) // without samples: takes nobody's place
	for i, id := range ids {
		var want []bench.Sample
		if i >= 8-samplesKept && i < 8 {
			want = seen(i)
		}
		got, err := s.Samples(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("run %d: -want +got:\n%s", id, d)
		}
	}
	bad := example(1)
	bad.Samples = []bench.Sample{{CPUPercent: math.NaN()}}
	want := "record a run of io-bound/go/model-1/10: a sample has NaN, not a number that can be kept: please report this as a fault of benchd"
	if err := s.Record(t.Context(), bad); err == nil || err.Error() != want {
		t.Errorf("got error %v\nwant %s", err, want)
	}
}
