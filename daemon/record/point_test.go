package record

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// pointsOf are those of the runs, of which the newest is the first, and of each
// series no more than so many that are sound, and that are not: the oldest comes
// first.
func pointsOf(runs []bench.Run, most int) map[bench.Series][]bench.Point {
	points := map[bench.Series][]bench.Point{}
	for _, r := range runs {
		p, ok := bench.PointOf(&r)
		if !ok {
			continue
		}
		of, n := bench.Series{Key: r.Key, Input: r.Input}, 0
		for _, other := range points[of] {
			if other.Sound == p.Sound {
				n++
			}
		}
		if n < most {
			points[of] = slices.Insert(points[of], 0, p)
		}
	}
	return points
}

// seriesOfRuns are all series of the runs.
func seriesOfRuns(runs []bench.Run) []bench.Series {
	var list []bench.Series
	for _, r := range runs {
		if of := (bench.Series{Key: r.Key, Input: r.Input}); !slices.Contains(list, of) {
			list = append(list, of)
		}
	}
	return list
}

func TestPointsAreThoseOfTheRuns(t *testing.T) {
	s := open(t, t.TempDir())
	runs := history(t, s, 330)
	series := append(seriesOfRuns(runs), bench.Series{Key: runs[0].Key, Input: "none"}, bench.Series{Input: runs[1].Input})
	for _, most := range []int{1, 3, 1000} {
		got, err := s.Points(t.Context(), series, most)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(pointsOf(runs, most), nonEmpty(got)); d != "" {
			t.Errorf("%d of each: -want +got:\n%s", most, d)
		}
	}
}

// nonEmpty leaves out series without points.
func nonEmpty(points map[bench.Series][]bench.Point) map[bench.Series][]bench.Point {
	maps.DeleteFunc(points, func(_ bench.Series, of []bench.Point) bool { return len(of) == 0 })
	return points
}

// A cycle that was cut short has not ended.
func TestLastEnded(t *testing.T) {
	s := open(t, t.TempDir())
	for n, c := range []bench.Cycle{
		{Number: 1, Total: 3, Done: 3, Ended: time.Unix(10, 0)}, {Number: 2, Total: 3, Done: 3, Ended: time.Unix(20, 0)},
		{Number: 3, Total: 3, Done: 1, Ended: time.Unix(30, 0)}, {Number: 4, Total: 3},
	} {
		if err := s.RecordCycle(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if got, err := s.LastEnded(t.Context()); err != nil || got != min(int64(n+1), 2) {
			t.Errorf("after cycle %d: %d, %v", c.Number, got, err)
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
