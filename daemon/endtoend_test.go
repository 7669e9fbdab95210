package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"benchd/daemon/bench"
)

// victim is the experiment that the file "switch" slows down.
var victim = bench.Key{Task: "steps", Runtime: "python", Model: "victim", Concurrency: 1}

var (
	quietCycles  = flag.Int("cycles", 20, "for how many cycles of BenchmarkEndToEnd nothing happens")
	neighbourFor = flag.Duration("neighbour", time.Minute, "for how long the neighbour of BenchmarkEndToEnd is busy")
)

// story is a daemon that goes through cycles of the task steps, and what was
// seen of it.
type story struct {
	*daemon
	b        *testing.B
	env      []string
	rows     [][]any
	switched []int64        // the cycles in which the victim was changed
	told     map[int64]bool // false alarms
}

// BenchmarkEndToEnd tells the real daemon a story: nothing happens, a model
// gets slower by much and by little, needs more memory, recovers or is
// accepted, a neighbour moves in, and benchd is killed in the middle. It prints
// what benchd made of it, and fails where that is too late, of the wrong run, or
// a false alarm.
//
//	go test -run '^$' -bench EndToEnd -benchtime 1x -timeout 1h ./daemon -cycles 200 -neighbour 10m
func BenchmarkEndToEnd(b *testing.B) {
	tasks, err := filepath.Abs(filepath.Join("testdata", "switch"))
	if err != nil {
		b.Fatal(err)
	}
	s := &story{b: b, told: map[int64]bool{}, env: []string{"BENCHD_WORKLOADS_DIR=" + tasks, "BENCHD_TASKS=steps,canary", "BENCHD_INTERVAL=1s"}}
	s.daemon = startDaemon(b, self(b), b.TempDir(), s.env...)

	slower := []bench.Figure{bench.CPU, bench.Time, bench.Relative}
	s.settle(40)
	s.found("20 % slower", `{"work": 1.2}`, slower, 10)
	s.recovers("as fast as before", 25)
	s.found("5 % slower", `{"work": 1.05}`, slower, 20)
	s.accepted("accepted")
	s.settle(20)
	s.found("20 % more memory", `{"work": 1.05, "memory": 1.35}`, []bench.Figure{bench.Memory}, 10)
	s.accepted("accepted")
	s.neighbour(*neighbourFor)
	s.quiet(*quietCycles)
	s.verdicts()
	s.end(b)

	t := table.NewWriter()
	t.AppendHeader(table.Row{"what happened", "what benchd said", "cycles", "allowed", "dated wrong by, cycles"})
	for _, row := range s.rows {
		t.AppendRow(row)
	}
	fmt.Println(t.RenderMarkdown())
}

func (s *story) say(row ...any) { s.rows = append(s.rows, row) }

// changes are the latest, open and closed.
func (s *story) changes() []bench.Change {
	var page struct{ Changes []bench.Change }
	s.getJSON(s.b, "/api/v1/changes?limit=1000", &page)
	return page.Changes
}

// falseAlarms counts the regressions of models or runtimes that nothing in the
// story explains and that were not told yet: also those that were first put down
// to the host, not those that were accepted with another and so never open.
func (s *story) falseAlarms(when string) (n int) {
	s.b.Helper()
	for _, c := range s.changes() {
		ofModel := c.Scope == bench.ScopeModel || c.Scope == bench.ScopeRuntime
		explained := c.Key == victim && slices.ContainsFunc(s.switched, func(cycle int64) bool {
			return c.Began.Cycle >= cycle-3 && c.Began.Cycle <= cycle+4 // the switch may be seen in the next cycle
		})
		if c.Direction == bench.Regression && ofModel && !explained && c.With == 0 && !s.told[c.ID] {
			s.told[c.ID] = true
			n++
			s.b.Errorf("%s: false alarm: %s", when, c.Sentence())
		}
	}
	return n
}

func (s *story) cycle() int64 {
	var page struct{ Runs []bench.Run }
	s.getJSON(s.b, "/api/v1/runs?limit=1", &page)
	if len(page.Runs) == 0 {
		return 0
	}
	return page.Runs[0].Cycle
}

// until looks at the daemon twice a second, which disturbs it little, until it
// is as wanted or so many cycles have gone by; it returns how many have.
func (s *story) until(most int, is func() bool) (cycles int, ok bool) {
	s.b.Helper()
	begun := s.cycle()
	for {
		ok = is()
		cycles = int(s.cycle() - begun)
		if ok || cycles > most {
			return cycles, ok
		}
		select {
		case <-s.exited:
			s.b.Fatalf("benchd has ended:\n%s", s.log)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// settle waits until the victim has so many clean runs more, or four times as
// many cycles have gone by.
func (s *story) settle(runs int) {
	s.b.Helper()
	count := func() int {
		var list struct {
			Experiments []struct {
				Model   string
				Courses []struct {
					Figure bench.Figure
					Runs   int
				}
			}
		}
		s.getJSON(s.b, "/api/v1/verdicts?task=steps", &list)
		for _, e := range list.Experiments {
			for _, c := range e.Courses {
				if e.Model == victim.Model && c.Figure == bench.CPU {
					return c.Runs
				}
			}
		}
		return 0
	}
	begun := count()
	cycles, ok := s.until(4*runs, func() bool { return count() >= begun+runs || count() >= 190 })
	s.falseAlarms("while runs were gathered")
	if !ok {
		s.b.Fatalf("after %d cycles there are %d clean runs more, want %d: the machine is too noisy", cycles, count()-begun, runs)
	}
}

func (s *story) set(switches string) {
	if err := os.WriteFile(filepath.Join(s.data, "switch"), []byte(switches), 0o600); err != nil {
		s.b.Fatal(err)
	}
	s.switched = append(s.switched, s.cycle())
}

// found waits until a change of one of the figures is open; in the middle the
// daemon is killed.
func (s *story) found(what, switches string, figures []bench.Figure, most int) {
	s.b.Helper()
	s.set(switches)
	since := s.switched[len(s.switched)-1]
	var c *bench.Change
	look := func() bool {
		for _, found := range s.changes() {
			if found.Key == victim && found.Open() && found.Direction == bench.Regression && slices.Contains(figures, found.Figure) {
				c = &found
			}
		}
		return c != nil
	}
	first, ok := s.until(1, look)
	s.restart()
	more := 0
	if !ok {
		more, ok = s.until(most, look)
	}
	took := first + more
	if !ok || took > most {
		s.b.Errorf("%s: not found within %d cycles; changes: %v\n%s", what, most, s.words(), s.log)
		s.say(what, "nothing", took, most, "")
		return
	}
	// The switch was set during a cycle: the first slow run is of that one or
	// of the next.
	off := max(since-c.Began.Cycle, c.Began.Cycle-since-1, 0)
	if off > 3 {
		s.b.Errorf("%s: dated %d cycles wrong: %s", what, off, c.Sentence())
	}
	if c.Scope != bench.ScopeModel {
		s.b.Errorf("%s: blamed on the %s: %s", what, c.Scope, c.Sentence())
	}
	s.say(what, c.Sentence(), took, most, off)
}

func (s *story) words() (list []string) {
	for _, c := range s.changes() {
		list = append(list, c.Sentence())
	}
	return list
}

// restart kills the daemon, and starts another.
func (s *story) restart() {
	s.signal(s.b, syscall.SIGKILL)
	s.daemon = startDaemon(s.b, self(s.b), s.data, s.env...)
}

func (s *story) openOf(k bench.Key) (list []bench.Change) {
	for _, c := range s.changes() {
		if c.Key == k && c.Open() && c.Direction == bench.Regression {
			list = append(list, c)
		}
	}
	return list
}

func (s *story) recovers(what string, most int) {
	s.b.Helper()
	s.set(`{}`)
	took, ok := s.until(most, func() bool { return len(s.openOf(victim)) == 0 })
	if !ok {
		s.b.Errorf("%s: still open after %d cycles: %v", what, took, s.words())
	}
	s.say(what, "recovered", took, most, "")
}

// accepted does as a person would.
func (s *story) accepted(what string) {
	s.b.Helper()
	out, err := command(s.b, self(s.b), []string{"BENCHD_DATA_DIR=" + s.data}, "accept", "all", "a test").CombinedOutput()
	if err != nil || len(s.openOf(victim)) > 0 {
		s.b.Errorf("benchd accept all: %v %s; open: %v", err, out, s.openOf(victim))
	}
	s.say(what, strings.SplitN(strings.TrimSpace(string(out)), ":", 2)[0], 0, 0, "")
}

// neighbour keeps every core busy for a while.
func (s *story) neighbour(d time.Duration) {
	s.b.Helper()
	var burners []*exec.Cmd
	for range runtime.NumCPU() {
		burner := exec.CommandContext(s.b.Context(), "sh", "-c", "while :; do :; done")
		if err := burner.Start(); err != nil {
			s.b.Fatal(err)
		}
		burners = append(burners, burner)
	}
	states := map[string]bool{}
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		var page struct{ Host struct{ State string } }
		s.getJSON(s.b, "/api/v1/verdicts?task=steps", &page)
		states[page.Host.State] = true
	}
	for _, burner := range burners {
		_ = burner.Process.Kill()
		_ = burner.Wait() // it was killed
	}
	if !states["disturbed"] && !states["slower"] {
		s.b.Errorf("with a busy neighbour the host was never disturbed or slower: %v", states)
	}
	s.say("a busy neighbour for "+d.String(), fmt.Sprintf("host: %s; %d false alarms of a model", strings.Join(sortedKeys(states), ", "),
		s.falseAlarms("a busy neighbour")), "", "", "")
}

func sortedKeys(set map[string]bool) (list []string) {
	for k := range set {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// quiet lets cycles go by in which nothing happens.
func (s *story) quiet(cycles int) {
	s.b.Helper()
	s.until(cycles, func() bool { return false })
	s.say(fmt.Sprintf("nothing, for %d cycles", cycles), fmt.Sprintf("%d false alarms of a model", s.falseAlarms("nothing happened")), cycles, "", "")
}

// verdicts holds what is said of models whose truth is known: heavy does 1.5
// times the work of the baseline, and victim by now 1.05 times.
func (s *story) verdicts() {
	s.b.Helper()
	var page struct {
		Experiments []struct {
			bench.Key
			Comparisons []struct {
				Figure   bench.Figure
				Verdict  string
				Ratio    *bench.Ratio
				Sentence string
			}
		}
	}
	s.getJSON(s.b, "/api/v1/verdicts?task=steps", &page)
	for _, e := range page.Experiments {
		for _, c := range e.Comparisons {
			if e.Model != "heavy" || c.Figure != bench.CPU && c.Figure != bench.Throughput {
				continue
			}
			want, verdict := 1.5, "worse"
			if c.Figure == bench.Throughput {
				want = 1 / 1.5
			}
			// 1 %: what is not steps (the loop's start, the clock) is the same for all.
			if c.Ratio == nil || c.Verdict != verdict || c.Ratio.Low*0.99 > want || c.Ratio.High*1.01 < want {
				s.b.Errorf("1.5 times the work: %s", c.Sentence)
			}
			s.say("1.5 times the work", c.Sentence, "", "", "")
		}
	}
}
