package run

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"benchd/daemon/bench"
)

// BenchmarkObserverEffect shows what sampling does to the workload: pairs of
// runs of the same work, sampled every 100 ms and not at all, next to each
// other and in turns first. It prints a table:
//
//	go test -run '^$' -bench ObserverEffect -benchtime 100x -timeout 1h ./daemon/run
//
// -benchtime is the number of pairs. The ratio is that of the times that the
// workload clocked itself; the interval of its median comes from order
// statistics (the sign test turned around), which presumes no distribution.
func BenchmarkObserverEffect(b *testing.B) {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"workload", "pairs", "median of ratios", "95 % interval", "sampler's CPU, % of a core"})
	for _, workload := range []string{"work-1", "work-4"} {
		b.Run(workload, func(b *testing.B) {
			r := newRunner(b)
			once := func(interval time.Duration) *bench.Figures {
				r.SampleInterval = interval
				run := r.Run(context.Background(), experiment(r, workload))
				if run.Outcome != bench.OK {
					b.Fatalf("%s: %s\n%s", run.Outcome, run.Error, run.Output)
				}
				return run.Figures
			}
			var ratios []float64
			var sampler, wall float64
			for i := range b.N {
				var on, off *bench.Figures
				if i%2 == 0 {
					on = once(100 * time.Millisecond)
					off = once(time.Hour)
				} else {
					off = once(time.Hour)
					on = once(100 * time.Millisecond)
				}
				ratios = append(ratios, on.WorkloadSeconds/off.WorkloadSeconds)
				sampler += on.SamplerSeconds
				wall += on.WallSeconds
			}
			if b.N == 1 {
				return // the trial run of the benchmark's machinery
			}
			median, low, high := medianInterval(ratios)
			t.AppendRow(table.Row{workload, len(ratios), fmt.Sprintf("%.4f", median),
				fmt.Sprintf("%.4f to %.4f", low, high), fmt.Sprintf("%.2f", 100*sampler/wall)})
			b.ReportMetric(median, "ratio")
			b.ReportMetric(100*sampler/wall, "sampler-%")
		})
	}
	fmt.Println(t.RenderMarkdown())
}

// medianInterval is the median and its 95 % confidence interval: between the
// values whose ranks are 0.98 sqrt(n) away from the middle.
func medianInterval(values []float64) (median, low, high float64) {
	slices.Sort(values)
	n := len(values)
	away := int(math.Ceil(0.98 * math.Sqrt(float64(n))))
	median = (values[(n-1)/2] + values[n/2]) / 2
	return median, values[max(0, (n-1)/2-away)], values[min(n-1, n/2+away)]
}

// fixedWork takes some half a second of one core: always the same work, so
// that what disturbs it shows as time.
func fixedWork() {
	for i := range 400_000_000 {
		sink ^= i
	}
}

func init() {
	workloads["work-1"] = func(a *actor) {
		runtime.GOMAXPROCS(1)
		a.work(fixedWork)
	}
	workloads["work-4"] = func(a *actor) { a.work(func() { spinProcesses(4, 4, "work") }) }
	workloads["work"] = func(*actor) { fixedWork() }
}
