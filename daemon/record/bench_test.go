package record

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	pretty "github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
)

var runsOfEach = flag.Int("runs", 1000, "runs of each of the 1,000 experiments in BenchmarkHistory")

const (
	benchExperiments = 1000
	repetitions      = 7
)

// BenchmarkHistory says how long everything takes that benchd asks of a long
// history, 1,000 experiments with as many runs as the flag says, and prints a
// table:
//
//	go test -run '^$' -bench History -benchtime 1x -timeout 1h ./daemon/record -runs 10000
//
// The 10 million runs of this command need 6 GB in the folder for temporary
// files, and some minutes to be made; 1,000 are the default. All but the newest
// 2,000 runs have few figures, so that there is room for them.
func BenchmarkHistory(b *testing.B) {
	for range b.N {
		s := open(b, b.TempDir())
		begun := time.Now()
		fillRuns(b, s, *runsOfEach)
		fillChanges(b, s)
		fmt.Printf("\n1,000 experiments x %d runs, made in %.0f s\n\n", *runsOfEach, time.Since(begun).Seconds())
		benchRecord(b, s)
		benchQueries(b, s)
		benchPrune(b, s)
	}
}

// BenchmarkSize says what a run adds to the file, and prints a table:
//
//	go test -run '^$' -bench Size -benchtime 1x ./daemon/record
func BenchmarkSize(b *testing.B) {
	const n = 5000
	kinds := []struct {
		name string
		run  func(n int) *bench.Run
	}{
		{"150 latency buckets", func(n int) *bench.Run {
			r := realistic(n)
			r.Samples = nil
			return r
		}},
		{"no latencies", func(n int) *bench.Run {
			r := realistic(n)
			r.Figures.Latency, r.Samples = nil, nil
			return r
		}},
		{"150 latency buckets and 50 samples, which are kept of five", realistic},
	}
	for range b.N {
		t := pretty.NewWriter()
		t.AppendHeader(pretty.Row{"a run with", "bytes a run", "of them point and indexes"})
		for _, kind := range kinds {
			s := quick(b, b.TempDir())
			for i := range n {
				if err := s.Record(b.Context(), kind.run(i)); err != nil {
					b.Fatal(err)
				}
			}
			var all, small int64
			err := s.file.Load().write.QueryRowContext(b.Context(), `SELECT sum(pgsize), sum(pgsize) FILTER (WHERE name = 'points' OR name LIKE 'runs_by%') FROM dbstat`).
				Scan(&all, &small)
			if err != nil {
				b.Fatal(err)
			}
			t.AppendRow(pretty.Row{kind.name, all / n, small / n})
		}
		fmt.Println("\n" + t.RenderMarkdown())
	}
}

// benchKey is that of the n-th experiment: 10 tasks, 4 runtimes, 5 models and
// 5 concurrencies.
func benchKey(n int) bench.Key {
	return bench.Key{
		Task: fmt.Sprintf("task-%d", n%10), Runtime: fmt.Sprintf("runtime-%d", n/10%4),
		Model: fmt.Sprintf("model-%d", n/40%5), Concurrency: 10 * (n / 200 % 5),
	}
}

// realistic is a run with as much about it as one of an IO-bound task has.
func realistic(n int) *bench.Run {
	r := example(5 * n) // of outcome ok
	r.Key = benchKey(n % benchExperiments)
	r.WarmUp, r.ServerBound, r.Noise, r.Rerun = false, false, nil, false
	r.Input = "standard-0123456789abcdef"
	limit := 2.0
	r.Fingerprint = &bench.Fingerprint{Benchd: "v1.2.3 0123456789abcdef", Host: bench.Host{
		CPUModel: "Intel(R) Xeon(R) Processor @ 2.60GHz", Cores: 2, MemoryBytes: 8e9, Kernel: "6.12.0", OS: "Debian GNU/Linux 13",
		Architecture: "amd64", CPULimit: &limit}}
	v := 12345.678
	f := r.Figures
	for _, p := range []**float64{
		&f.SystemCPUPercentAvg, &f.SystemCPUPercentMax, &f.RunDelaySeconds, &f.ForeignCPUSeconds, &f.StealSeconds, &f.StealPercent,
		&f.CPUPressurePercent, &f.IOPressurePercent, &f.MemPressurePercent, &f.VoluntarySwitches, &f.InvoluntarySwitches,
		&f.DiskReadBytes, &f.DiskWrittenBytes, &f.NetworkReceivedBytes, &f.NetworkSentBytes, &f.ServerCPUSeconds, &f.ServerMemoryBytes,
	} {
		*p = &v
	}
	f.Latency.Buckets = nil
	for i := range 150 {
		f.Latency.Buckets = append(f.Latency.Buckets, bench.Bucket{LE: 0.001234567 * float64(i+1), Count: uint64(i)})
	}
	for i := range 50 {
		r.Samples = append(r.Samples, bench.Sample{Seconds: 0.1 * float64(i), CPUPercent: v / 100, MemoryBytes: 1e8, Threads: 4, Processes: 1})
	}
	return r
}

// fillRuns makes the runs within SQLite, without syncs and with the indexes
// made afterwards. One in 1,000 failed, and one of each experiment is a
// timeout of long ago.
func fillRuns(b *testing.B, s *Store, runs int) {
	b.Helper()
	for n := range benchExperiments { // the first run of each
		r := realistic(n)
		r.Cycle, r.Outcome = 1, bench.TimedOut
		r.Started = time.Unix(1.7e9+300, 0)
		r.Ended = r.Started
		if err := recordQuickly(b.Context(), s, r); err != nil {
			b.Fatal(err)
		}
	}
	var indexes []string
	rows, err := s.file.Load().write.QueryContext(b.Context(), `SELECT sql FROM sqlite_schema WHERE name LIKE 'runs_by%'`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			b.Fatal(err)
		}
		indexes = append(indexes, text)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	do := func(text string) {
		if _, err := s.file.Load().write.ExecContext(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
	do("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA temp_store = 1")
	for _, text := range indexes {
		do("DROP INDEX " + strings.Fields(text)[2])
	}
	const cycles = `WITH RECURSIVE c(n) AS (SELECT %d UNION ALL SELECT n + 1 FROM c WHERE n < %d) `
	const failed = `(((c.n - 1) * 1000 + e.n) * 7919 %% 1009 = 0)`
	input, err := inputID(realistic(0).Input)
	if err != nil {
		b.Fatal(err)
	}
	const step = 500 // cycles in a transaction
	for from := 2; from <= runs-2; from += step {
		do(fmt.Sprintf(`WITH made AS (`+cycles+`SELECT (c.n - 1) * 1000 + e.n AS id, e.id AS experiment, c.n AS cycle,
				1700000000000000000 + c.n * 300000000000 AS started_unix_ns, 1700000000000000000 + c.n * 300000000000 AS ended_unix_ns,
				c.n * 300000000000 AS uptime_ns, iif(`+failed+`, 'failed', 'ok') AS outcome, 0 AS warm_up, 0 AS rerun, 0 AS server_bound, NULL AS noise,
				'requests' AS unit, 'standard' AS size, %d AS input, NULL AS fingerprint, '{"code":0,"strays":0}' AS exit, '{"runtime":"go1.26.0"}' AS versions,
				'' AS error, '{"wall_seconds":1.5,"cpu_user_seconds":1.2,"peak_memory_bytes":50000000,"units":100000,"items":1000}' AS figures, '' AS output
			FROM c CROSS JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM experiments) e)
			INSERT INTO runs SELECT *, row_sum('runs', `+columnsOf(&runsTable)+`) FROM made ORDER BY id`, from, min(from+step-1, runs-2), input))
	}
	do(fmt.Sprintf(`WITH made AS (`+cycles+`SELECT e.id AS experiment, %d AS input, 1 AS sound, (c.n - 1) * 1000 + e.n AS run, c.n AS cycle,
			1700000000000000000 + c.n * 300000000000 AS started_unix_ns, 1.5e-5 AS seconds_per_unit, 1.2e-5 AS cpu_seconds_per_unit,
			5e7 + c.n AS peak_memory_bytes, 0.00123 AS latency_p50_seconds, 0.0234 AS latency_p99_seconds, 0.0 AS error_ratio
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM experiments) e CROSS JOIN c WHERE NOT `+failed+`)
		INSERT INTO points SELECT *, row_sum('points', `+columnsOf(&pointsTable)+`) FROM made`, 2, runs-2, input))
	for _, text := range indexes {
		do(text)
	}
	do("PRAGMA synchronous = FULL; PRAGMA cache_size = -1024; PRAGMA temp_store = 2; PRAGMA wal_checkpoint(TRUNCATE)")
}

func columnsOf(t *table) string { return strings.Join(t.names(), ", ") }

func recordQuickly(ctx context.Context, s *Store, r *bench.Run) error {
	_, err := s.file.Load().write.ExecContext(ctx, "PRAGMA synchronous = OFF")
	return errors.Join(err, s.Record(ctx, r))
}

// fillChanges makes 20 changes of each experiment, of which the last is open in
// one of a hundred.
func fillChanges(b *testing.B, s *Store) {
	b.Helper()
	if _, err := s.file.Load().write.ExecContext(b.Context(), "PRAGMA synchronous = OFF"); err != nil {
		b.Fatal(err)
	}
	for n := range 20 * benchExperiments {
		r := realistic(n)
		r.ID = int64(n + 1)
		c := exampleChange(r)
		c.Old = slices.Repeat([]float64{1.0 / 3}, 50)
		c.Closed, c.Ending = r.Ended, bench.Recovered
		if n >= 19*benchExperiments && n%100 == 0 {
			c.Closed, c.Ending = time.Time{}, ""
		}
		if err := s.RecordChange(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.file.Load().write.ExecContext(b.Context(), "PRAGMA synchronous = FULL"); err != nil {
		b.Fatal(err)
	}
}

// benchRecord records the two newest cycles, one of them without syncs, to
// tell what those cost.
func benchRecord(b *testing.B, s *Store) {
	b.Helper()
	t := pretty.NewWriter()
	t.AppendHeader(pretty.Row{"record one run", "CPU ms", "median ms", "p99 ms", "slowest ms"})
	for i, mode := range []string{"OFF", "FULL"} {
		if _, err := s.file.Load().write.ExecContext(b.Context(), "PRAGMA synchronous = "+mode); err != nil {
			b.Fatal(err)
		}
		var took []time.Duration
		used := cpuTime(b)
		for n := range benchExperiments {
			r := realistic(n)
			r.Cycle = int64(*runsOfEach - 1 + i)
			r.Started = time.Unix(1.7e9+300*r.Cycle, 0)
			r.Ended = r.Started
			begun := time.Now()
			if err := s.Record(b.Context(), r); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(begun))
		}
		name := "durable, as benchd does it"
		if mode == "OFF" {
			name = "without waiting for the disk"
		}
		each := (cpuTime(b) - used).Seconds() * 1e3 / benchExperiments
		t.AppendRow(append(pretty.Row{name, fmt.Sprintf("%.2f", each)}, quantiles(took)...))
	}
	fmt.Println(t.RenderMarkdown())
}

func quantiles(took []time.Duration) (row pretty.Row) {
	slices.Sort(took)
	for _, at := range []int{len(took) / 2, len(took) * 99 / 100, len(took) - 1} {
		row = append(row, fmt.Sprintf("%.2f", took[at].Seconds()*1e3))
	}
	return row
}

func benchQueries(b *testing.B, s *Store) {
	b.Helper()
	ctx := b.Context()
	last, middle := int64(*runsOfEach), int64(*runsOfEach)*benchExperiments/2
	t := pretty.NewWriter()
	t.AppendHeader(pretty.Row{"question", "answers", "CPU ms", "median ms", "slowest ms"})
	for _, tt := range []struct {
		name string
		q    bench.RunQuery
	}{
		{"everything", bench.RunQuery{}},
		{"a task (100 experiments)", bench.RunQuery{Task: "task-3"}},
		{"a runtime (250)", bench.RunQuery{Runtime: "runtime-1"}},
		{"a model (200)", bench.RunQuery{Model: "model-2"}},
		{"a concurrency (200)", bench.RunQuery{Concurrency: new(20)}},
		{"one experiment", bench.RunQuery{Task: "task-0", Runtime: "runtime-0", Model: "model-0", Concurrency: new(0)}},
		{"failed", bench.RunQuery{Outcome: bench.Failed}},
		{"failed, of a runtime", bench.RunQuery{Outcome: bench.Failed, Runtime: "runtime-1"}},
		{"timeout, long ago", bench.RunQuery{Outcome: bench.TimedOut}},
		{"timeout, of a runtime", bench.RunQuery{Outcome: bench.TimedOut, Runtime: "runtime-1"}},
		{"killed, never", bench.RunQuery{Outcome: bench.Killed}},
		{"killed, of a runtime", bench.RunQuery{Outcome: bench.Killed, Runtime: "runtime-1"}},
		{"a cycle", bench.RunQuery{Cycle: &last}},
		{"a cycle, of a model", bench.RunQuery{Cycle: &last, Model: "model-2"}},
		{"a cycle, killed", bench.RunQuery{Cycle: &last, Outcome: bench.Killed}},
		{"before the middle", bench.RunQuery{Before: middle}},
		{"before the middle, of a runtime", bench.RunQuery{Before: middle, Runtime: "runtime-1"}},
		{"before the middle, failed, of a runtime", bench.RunQuery{Before: middle, Runtime: "runtime-1", Outcome: bench.Failed}},
	} {
		for _, limit := range []int{100, maxLimit} {
			tt.q.Limit = limit
			askOften(b, t, fmt.Sprintf("runs, up to %d: %s", limit, tt.name), func() (int, error) {
				runs, err := s.Runs(ctx, tt.q)
				return len(runs), err
			})
		}
	}
	askOften(b, t, "last good runs", func() (int, error) {
		runs, err := s.LastOK(ctx)
		return len(runs), err
	})
	askOften(b, t, "one run", func() (int, error) {
		_, _, err := s.RunByID(ctx, middle)
		return 1, err
	})
	all, err := s.LastOK(ctx)
	if err != nil {
		b.Fatal(err)
	}
	var series []bench.Series
	for k, r := range all {
		series = append(series, bench.Series{Key: k, Input: r.Input})
	}
	askOften(b, t, "points, 200 of each (detectors after a start)", func() (int, error) {
		points, err := s.Points(ctx, series, 200)
		count := 0
		for _, of := range points {
			count += len(of)
		}
		return count, err
	})
	for _, tt := range []struct {
		name string
		q    bench.ChangeQuery
	}{
		{"", bench.ChangeQuery{Limit: maxLimit}},
		{": of a model", bench.ChangeQuery{Limit: maxLimit, Model: "model-2"}},
		{": open", bench.ChangeQuery{Limit: maxLimit, Open: true}},
	} {
		askOften(b, t, "changes, up to 1000 of 20000"+tt.name, func() (int, error) {
			changes, err := s.Changes(ctx, tt.q)
			return len(changes), err
		})
	}
	askOften(b, t, "levels", func() (int, error) {
		changes, err := s.Levels(ctx)
		return len(changes), err
	})
	fmt.Println("\n" + t.RenderMarkdown())
}

func askOften(b *testing.B, t pretty.Writer, name string, question func() (int, error)) {
	b.Helper()
	var took []time.Duration
	var answers int
	used := cpuTime(b)
	for range repetitions {
		begun := time.Now()
		n, err := question()
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
		answers = n
	}
	// What it takes on a machine that others use as well.
	used = (cpuTime(b) - used) / repetitions
	of := quantiles(took)
	t.AppendRow(pretty.Row{name, answers, fmt.Sprintf("%.2f", used.Seconds()*1e3), of[0], of[2]})
	if took[len(took)/2] > time.Second {
		b.Errorf("%s took over a second", name)
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// benchPrune drops five cycles while runs are recorded, and says how long
// those waited.
func benchPrune(b *testing.B, s *Store) {
	b.Helper()
	info, err := os.Stat(s.path)
	if err != nil {
		b.Fatal(err)
	}
	s.running = func() time.Duration { return 300 * time.Second * time.Duration(*runsOfEach) }
	done := make(chan error)
	var dropped int
	begun := time.Now()
	newest := time.Unix(1.7e9+300*int64(*runsOfEach), 0)
	go func() {
		var err error
		dropped, err = s.Prune(b.Context(), newest, Limits{Age: 300 * time.Second * time.Duration(*runsOfEach-7), Points: 200})
		done <- err
	}()
	var took []time.Duration
	for n := 0; ; n++ {
		select {
		case err = <-done:
		default:
			r := realistic(n)
			r.Started, r.Ended = newest, newest
			waited := time.Now()
			if err := s.Record(b.Context(), r); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(waited))
			continue
		}
		break
	}
	if err != nil {
		b.Fatal(err)
	}
	seconds := time.Since(begun).Seconds()
	t := pretty.NewWriter()
	t.AppendHeader(pretty.Row{"dropped", "in s", "runs recorded meanwhile", "median ms", "p99 ms", "slowest ms"})
	t.AppendRow(append(pretty.Row{dropped, fmt.Sprintf("%.1f", seconds), len(took)}, quantiles(took)...))
	fmt.Printf("\n%s\n\nThe file has %.2f GB.\n", t.RenderMarkdown(), float64(info.Size())/1e9)
}
