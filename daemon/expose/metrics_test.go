package expose

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"benchd/daemon/bench"
)

var update = flag.Bool("update", false, "write the golden files anew")

// play tells an Exposer all that can happen, so that every metric is there.
func play(e *Exposer) {
	first := bench.Cycle{Number: 3, WarmUp: true, Started: noon.Add(-time.Hour), Total: 4}
	e.CycleStarted(first)
	first.Done, first.Ended, first.Overran, first.Next = 4, noon.Add(-50*time.Minute), true, noon
	e.CycleEnded(first)

	second := bench.Cycle{Number: 4, Started: noon, Total: 4}
	e.CycleStarted(second)
	e.RunStarted(e.options.Experiments[0], noon)
	e.RunEnded(run(syncKey, bench.OK, fewFigures()), nil)
	e.RecordTook(3 * time.Millisecond)
	dirty := run(asyncioKey, bench.OK, allFigures())
	dirty.Noise = []bench.Noise{bench.NoiseRunDelay, bench.NoiseThrottled}
	dirty.ServerBound = true
	e.RunEnded(dirty, nil)
	e.RunEnded(run(asyncioKey, bench.TimedOut, nil), errors.New("disk full"))
	wrong := run(goroutinesKey, bench.WrongResult, allFigures())
	wrong.Exit.Strays = 2
	e.RunEnded(wrong, nil)
	again := run(syncKey, bench.OK, fewFigures())
	again.Rerun = true
	e.RunEnded(again, nil)
	second.Done = 3
	e.CycleProgress(second)
	e.RunStarted(e.options.Experiments[3], noon.Add(time.Minute))
}

func TestExpositionGolden(t *testing.T) {
	judged := testOptions()
	judged.Judge = &fakeJudge{judgements: allJudgements()}
	between := New(judged)
	play(between)
	between.RunEnded(run(goroutinesKey, bench.Killed, nil), nil)
	between.CycleEnded(bench.Cycle{Number: 4, Started: noon, Ended: noon.Add(5 * time.Minute), Total: 4, Done: 4, Next: noon.Add(time.Hour)})
	running := New(testOptions())
	play(running)
	for name, e := range map[string]*Exposer{"start": New(testOptions()), "metrics": running, "between": between} {
		t.Run(name, func(t *testing.T) { golden(t, name+".golden", text(t, e)) })
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant, run the test with -update:\n%s", path, diff)
	}
}

// What is declared but in no golden file would be changed unseen.
func TestGoldenFilesHaveEveryMetric(t *testing.T) {
	var have string
	for _, name := range []string{"metrics", "between"} {
		content, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
		if err != nil {
			t.Fatal(err)
		}
		have += string(content)
	}
	name := regexp.MustCompile(`fqName: "(benchd_\w+)"`)
	descs := make(chan *prometheus.Desc)
	go func() {
		e := New(testOptions())
		e.results.Describe(descs)
		e.now.Describe(descs)
		close(descs)
	}()
	n := 0
	for d := range descs {
		if m := name.FindStringSubmatch(d.String()); m != nil {
			n++
			if !strings.Contains(have, "# TYPE "+m[1]+" ") {
				t.Errorf("%s is in no golden file", m[1])
			}
		}
	}
	if n < 90 {
		t.Errorf("only %d metrics are declared", n)
	}
}

func TestConventions(t *testing.T) {
	e := New(testOptions())
	play(e)
	problems, err := promlint.NewWithMetricFamilies(ours(t, e)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	units := regexp.MustCompile(`(_seconds|_bytes|_ratio|_total|_info)$`)
	for _, f := range ours(t, e) {
		if strings.Contains(f.GetName(), "percent") {
			t.Errorf("%s: want a ratio", f.GetName())
		}
		if h := f.GetHelp(); !strings.HasSuffix(h, ".") || len(h) < 15 {
			t.Errorf("%s: HELP %q is not a sentence", f.GetName(), h)
		}
		if strings.Contains(f.GetHelp(), "0 to 1") && !units.MatchString(f.GetName()) {
			t.Errorf("%s: a ratio without its suffix", f.GetName())
		}
	}
}

func TestEveryFigureIsExposed(t *testing.T) {
	expose := func(f *bench.Figures) []string {
		e := New(testOptions())
		e.RunEnded(run(asyncioKey, bench.OK, f), nil)
		return samples(t, e, "benchd_last_run_")
	}
	all := expose(allFigures())
	for i := range reflect.TypeFor[bench.Figures]().NumField() {
		field := reflect.TypeFor[bench.Figures]().Field(i)
		changed := allFigures()
		v := reflect.ValueOf(changed).Elem().Field(i)
		switch p := v.Addr().Interface().(type) {
		case *float64:
			*p += 1.5
		case *int:
			*p++
		case **float64:
			*p = new(**p + 1.5)
		case *map[string]float64:
			*p = map[string]float64{"refused": 99}
		case **bench.Histogram:
			*p = &bench.Histogram{Buckets: []bench.Bucket{{LE: 3, Count: 1}}}
		default:
			t.Fatalf("%s: no change for a %s", field.Name, field.Type)
		}
		if slices.Equal(all, expose(changed)) {
			t.Errorf("%s: no gauge of the last run tells of it", field.Name)
		}
		if field.Type.Kind() != reflect.Pointer {
			continue
		}
		v.SetZero()
		unknown := expose(changed)
		if len(unknown) >= len(all) {
			t.Errorf("%s: nothing is absent when it is not known", field.Name)
		}
		for _, line := range unknown {
			if !slices.Contains(all, line) {
				t.Errorf("%s is not known, and yet there is: %s", field.Name, line)
			}
		}
	}
}

func TestNoFigureWhereTheDivisorIsZero(t *testing.T) {
	for name, f := range map[string]*bench.Figures{
		"benchd_last_run_cpu_seconds_per_unit":  {WallSeconds: 1, Items: 1, Passes: 1},
		"benchd_last_run_error_ratio":           {WallSeconds: 1, Units: 1, Passes: 1},
		"benchd_last_run_pass_duration_seconds": {WallSeconds: 1, Units: 1, Items: 1},
		"benchd_last_run_units_per_second":      {Units: 1, Items: 1, Passes: 1},
		"benchd_last_run_cpu_usage_ratio":       {Units: 1, Items: 1, Passes: 1},
		"benchd_last_run_request_duration":      {Latency: &bench.Histogram{Buckets: []bench.Bucket{{LE: 1}}}},
	} {
		e := New(testOptions())
		e.RunEnded(run(syncKey, bench.OK, allFigures()), nil)
		if len(samples(t, e, name)) == 0 {
			t.Errorf("%s: there is none at all", name)
		}
		e.RunEnded(run(syncKey, bench.OK, f), nil)
		if got := samples(t, e, name); got != nil {
			t.Errorf("%s: want none, got %v", name, got)
		}
	}
}

func TestOnlyGoodRunsAreTheLastRun(t *testing.T) {
	e := New(testOptions())
	e.RunEnded(run(syncKey, bench.OK, fewFigures()), nil)
	want := samples(t, e, "benchd_last_run_")
	for _, o := range bench.Outcomes() {
		if o == bench.OK {
			continue
		}
		e.RunEnded(run(syncKey, o, allFigures()), nil)
		if diff := cmp.Diff(want, samples(t, e, "benchd_last_run_")); diff != "" {
			t.Errorf("outcome %s changed the last good run:\n%s", o, diff)
		}
	}
	for _, name := range []string{"benchd_run_duration_seconds_count", "benchd_clean_runs_total"} {
		line := name + `{concurrency="1",model="sync",runtime="cpython-3.13",task="cpu-bound"} 1`
		if got := samples(t, e, name+`{concurrency="1",model="sync"`); !slices.Equal(got, []string{line}) {
			t.Errorf("got %v, want %s", got, line)
		}
	}
}

func TestStateSets(t *testing.T) {
	for _, o := range bench.Outcomes() {
		e := New(testOptions())
		e.RunEnded(run(syncKey, o, nil), nil)
		got := samples(t, e, "benchd_last_attempt_outcome")
		var want []string
		for _, other := range bench.Outcomes() {
			want = append(want, fmt.Sprintf(`benchd_last_attempt_outcome{concurrency="1",model="sync",outcome="%s",runtime="cpython-3.13",task="cpu-bound"} %v`,
				other, boolValue(other == o)))
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("outcome %s (-want +got):\n%s", o, diff)
		}
	}
	for _, cause := range bench.Noises() {
		e := New(testOptions())
		r := run(syncKey, bench.OK, fewFigures())
		r.Noise = []bench.Noise{cause}
		e.RunEnded(r, nil)
		for _, line := range samples(t, e, "benchd_last_run_noise") {
			if strings.HasSuffix(line, " 1") != strings.Contains(line, `cause="`+string(cause)+`"`) {
				t.Errorf("noise %s: %s", cause, line)
			}
		}
		if n := len(samples(t, e, "benchd_last_run_noise")); n != len(bench.Noises()) {
			t.Errorf("%d causes are shown, want %d", n, len(bench.Noises()))
		}
	}
}

func TestFailuresInARow(t *testing.T) {
	e := New(testOptions())
	for i, tt := range []struct {
		outcome bench.Outcome
		want    string
	}{{bench.Failed, "1"}, {bench.TimedOut, "2"}, {bench.Skipped, "2"}, {bench.WrongResult, "3"}, {bench.OK, "0"}, {bench.Killed, "1"}} {
		e.RunEnded(run(syncKey, tt.outcome, fewFigures()), nil)
		want := []string{`benchd_failed_runs_in_a_row{concurrency="1",model="sync",runtime="cpython-3.13",task="cpu-bound"} ` + tt.want}
		if got := samples(t, e, "benchd_failed_runs_in_a_row"); !slices.Equal(got, want) {
			t.Errorf("after run %d, %s: got %v, want %v", i+1, tt.outcome, got, want)
		}
	}
}

func TestLabelsAreBounded(t *testing.T) {
	var log strings.Builder
	o := testOptions()
	o.Logger = logTo(&log)
	e := New(o)
	for i := range 100 {
		r := run(asyncioKey, bench.Failed, allFigures())
		r.Figures.Errors = map[string]float64{fmt.Sprint("kind ", i): 2}
		r.Error = fmt.Sprint("no such host ", i)
		r.ID, r.Cycle = int64(i), int64(i)
		e.RunEnded(r, nil)
	}
	kinds := samples(t, e, "benchd_item_errors_total")
	if len(kinds) != maxErrorKinds+1 {
		t.Errorf("%d kinds are shown, want %d and other", len(kinds), maxErrorKinds)
	}
	other := `benchd_item_errors_total{concurrency="100",kind="other",model="asyncio",runtime="cpython-3.13",task="io-bound"} 168`
	if !slices.Contains(kinds, other) {
		t.Errorf("want %s, got:\n%s", other, strings.Join(kinds, "\n"))
	}
	before := len(samples(t, e, "benchd_"))
	e.RunEnded(run(bench.Key{Task: "unheard-of"}, bench.OK, fewFigures()), nil)
	if after := len(samples(t, e, "benchd_")); after != before {
		t.Errorf("a run of an unknown experiment made %d series", after-before)
	}
	want := `level=ERROR msg="Run of an experiment that is not configured is not shown." experiment=unheard-of///0` + "\n"
	if log.String() != want {
		t.Errorf("log is %s, want %s", log.String(), want)
	}
}

func TestTooManyLatenciesAreLeftOut(t *testing.T) {
	var log strings.Builder
	o := testOptions()
	o.Logger = logTo(&log)
	e := New(o)
	r := run(asyncioKey, bench.OK, allFigures())
	r.Figures.Latency.Buckets[1].Count = 1 << 53
	e.RunEnded(r, nil)
	if got := samples(t, e, "benchd_request_duration_seconds"); got != nil {
		t.Errorf("want none, got %v", got)
	}
	want := `level=WARN msg="Latencies are not shown." err="io-bound/cpython-3.13/asyncio/100 reported 9007199254741092 latencies of one run, ` +
		`more than 10000000: they are left out of benchd_request_duration_seconds, count fewer in the workload"` + "\n"
	if log.String() != want {
		t.Errorf("log is %s, want %s", log.String(), want)
	}
}

// What is shown after a restart must be of the work that is done now.
func TestRestore(t *testing.T) {
	good, failed := run(syncKey, bench.OK, fewFigures()), run(goroutinesKey, bench.Failed, allFigures())
	gone := run(bench.Key{Task: "gone"}, bench.OK, fewFigures())
	e := New(testOptions())
	e.Restore(map[bench.Key]bench.Run{syncKey: good, goroutinesKey: failed, gone.Key: gone})

	want := New(testOptions())
	want.RunEnded(good, nil)
	if diff := cmp.Diff(samples(t, want, "benchd_last_run_"), samples(t, e, "benchd_last_run_")); diff != "" {
		t.Errorf("last runs (-want +got):\n%s", diff)
	}
	for _, line := range slices.Concat(samples(t, e, "benchd_runs_total"), samples(t, e, "benchd_run_duration_seconds_count")) {
		if !strings.HasSuffix(line, " 0") {
			t.Errorf("a restored run was counted: %s", line)
		}
	}
	if got := samples(t, e, "benchd_last_attempt"); got != nil {
		t.Errorf("a restored run is no attempt of this daemon: %v", got)
	}
}

func TestRestoreOfOtherWork(t *testing.T) {
	for name, change := range map[string]func(*bench.Experiment){
		"size":     func(x *bench.Experiment) { x.Size = "quick" },
		"unit":     func(x *bench.Experiment) { x.Unit = "pages" },
		"passes":   func(x *bench.Experiment) { x.Passes++ },
		"params":   func(x *bench.Experiment) { x.Params = map[string]string{"delay_seconds": "0.06"} },
		"args":     func(x *bench.Experiment) { x.Args = []string{"-fast"} },
		"expected": func(x *bench.Experiment) { x.Expected.Checksum++ },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			for i := range o.Experiments {
				change(&o.Experiments[i])
			}
			e := New(o)
			e.Restore(map[bench.Key]bench.Run{syncKey: run(syncKey, bench.OK, fewFigures())})
			if got := samples(t, e, "benchd_last_run_"); got != nil {
				t.Errorf("a run of other work is shown: %v", got)
			}
		})
	}
}

func TestRunningHasNoFiguresBeforeTheFirstSample(t *testing.T) {
	for name, live := range map[string]func() (bench.Live, bool){
		"none":    func() (bench.Live, bool) { return bench.Live{}, false },
		"another": func() (bench.Live, bool) { return bench.Live{Key: syncKey, Threads: 1}, true },
		"started": func() (bench.Live, bool) { return bench.Live{Key: goroutinesKey}, true },
	} {
		o := testOptions()
		o.Live = live
		e := New(o)
		e.RunStarted(o.Experiments[3], noon)
		if n := len(samples(t, e, "benchd_running_")); n != 2 {
			t.Errorf("%s: want info and start alone, got %v", name, samples(t, e, "benchd_running_"))
		}
	}
}

// Run with -race: the scheduler tells while Prometheus asks.
func TestScrapesWhileRunning(t *testing.T) {
	e := New(testOptions())
	var scrapes sync.WaitGroup
	for range 4 {
		scrapes.Go(func() {
			for range 10 {
				for _, path := range []string{"/metrics", "/api/v1/experiments", "/-/ready"} {
					e.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
				}
			}
		})
	}
	for range 20 {
		play(e)
	}
	scrapes.Wait()
	want := `benchd_runs_total{concurrency="1",model="sync",outcome="ok",runtime="cpython-3.13",task="cpu-bound"} 40`
	if !slices.Contains(samples(t, e, "benchd_runs_total"), want) {
		t.Errorf("want %s", want)
	}
}

// BenchmarkMetrics asks for the metrics of a whole study, in the formats that
// are asked for. The socket is left out.
func BenchmarkMetrics(b *testing.B) {
	const cells, withLatency = 55, 30
	o := testOptions()
	o.Experiments = nil
	for i := range cells {
		x := experiments()[2]
		x.Concurrency = i + 1
		o.Experiments = append(o.Experiments, x)
	}
	e := New(o)
	for i, x := range o.Experiments {
		r := run(x.Key, bench.OK, allFigures())
		if i >= withLatency {
			r.Figures.Latency, r.Figures.Errors = nil, nil
		}
		e.RunEnded(r, nil)
	}
	const om = "application/openmetrics-text;version=1.0.0"
	for format, accept := range map[string]string{
		"curl":              "*/*",
		"prometheus":        om + ";escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		"prometheus-native": protobufType + ";escaping=allow-utf-8;q=0.6," + om + ";q=0.5",
	} {
		b.Run(format, func(b *testing.B) {
			request := httptest.NewRequest("GET", "/metrics", nil)
			request.Header.Set("Accept", accept)
			request.Header.Set("Accept-Encoding", "gzip")
			times := make([]time.Duration, 0, b.N)
			var size countingWriter
			for b.Loop() {
				size = countingWriter{header: http.Header{}}
				start := time.Now()
				e.handler.ServeHTTP(&size, request)
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(size.bytes), "B/answer")
		})
	}
}

// countingWriter takes an answer without keeping it.
type countingWriter struct {
	header http.Header
	bytes  int
}

func (w *countingWriter) Header() http.Header { return w.header }
func (w *countingWriter) WriteHeader(int)     {}
func (w *countingWriter) Write(p []byte) (int, error) {
	w.bytes += len(p)
	return len(p), nil
}
