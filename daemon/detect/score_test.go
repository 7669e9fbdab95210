package detect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// A detector is asked after each run whether there was a change: it is given
// the regime up to that run, and whether it is the series' first, and returns
// the index of the first value of the new level.
type detector func(regime []float64, first bool) (since int, ok bool)

// ours is Latest at the effect that is the default.
func ours(regime []float64, first bool) (int, bool) {
	o := Options{LeastEffect: 0.02, First: first}
	s, ok := Latest(valuesOf(regime[max(0, len(regime)-MaxValues):]), o)
	return max(0, len(regime)-MaxValues) + s.Since, ok
}

var twoPercent = Options{LeastEffect: 0.02}

func valuesOf(x []float64) []Value {
	v := make([]Value, len(x))
	for i := range x {
		v[i] = Value{X: x[i], Block: int64(i)}
	}
	return v
}

// found is a change: raised after run at, said to have begun with run since.
type found struct{ at, since int }

// online accepts every alert at once.
func online(series []float64, d detector) []found {
	var all []found
	start := 0
	for t := range series {
		if since, ok := d(series[start:t+1], len(all) == 0); ok {
			all = append(all, found{t, start + since})
			start += since
		}
	}
	return all
}

type annotated struct {
	ID  string           `json:"id"`
	Y   []float64        `json:"y"`
	Ann map[string][]int `json:"ann"`
}

func readAnnotated(path string) ([]annotated, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []annotated
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s annotated) bool {
		return slices.ContainsFunc(s.Y, func(y float64) bool { return y <= 0 })
	}), nil
}

// cluster is where annotators marked a change within 5 runs of one another.
type cluster struct {
	place   float64
	support int
	all     int // annotators of the series
}

func (s annotated) clusters() []cluster {
	type mark struct {
		at  int
		who string
	}
	var marks []mark
	for who, at := range s.Ann {
		for _, a := range at {
			marks = append(marks, mark{a, who})
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Or(a.at-b.at, cmp.Compare(a.who, b.who)) })
	var all []cluster
	for i := 0; i < len(marks); {
		j := i + 1
		for j < len(marks) && marks[j].at-marks[j-1].at <= 5 {
			j++
		}
		var places []float64
		who := map[string]bool{}
		for _, m := range marks[i:j] {
			places = append(places, float64(m.at))
			who[m.who] = true
		}
		all = append(all, cluster{median(places), len(who), len(s.Ann)})
		i = j
	}
	return all
}

// score is what detection is judged by.
type score struct {
	runs, alerts, unsupported         int
	wanted, recalled, large, largeHit int
	delays                            []float64
}

func (s *score) add(series annotated, alerts []found) {
	clusters := series.clusters()
	s.runs += len(series.Y)
	s.alerts += len(alerts)
	for _, a := range alerts {
		if !slices.ContainsFunc(clusters, func(c cluster) bool {
			return math.Abs(float64(a.since)-c.place) <= 10 ||
				float64(a.at) >= c.place && float64(a.at) <= c.place+30
		}) {
			s.unsupported++
		}
	}
	for _, c := range clusters {
		if 2*c.support <= c.all || c.place < 20 || c.place > float64(len(series.Y)-1-10) {
			continue
		}
		s.wanted++
		p := int(c.place)
		before, after := median(series.Y[max(0, p-20):p]), median(series.Y[p:min(len(series.Y), p+20)])
		large := math.Abs(after/before-1) >= 0.05
		if large {
			s.large++
		}
		for _, a := range alerts {
			if float64(a.at) >= c.place-1 && float64(a.at) <= c.place+50 && float64(a.since) >= c.place-15 {
				s.recalled++
				if large {
					s.largeHit++
				}
				s.delays = append(s.delays, float64(a.at)-c.place)
				break
			}
		}
	}
}

func (s *score) per1000() float64     { return 1000 * float64(s.unsupported) / float64(s.runs) }
func (s *score) recall() float64      { return float64(s.recalled) / float64(s.wanted) }
func (s *score) recallLarge() float64 { return float64(s.largeHit) / float64(s.large) }

// delay counts the runs at the new level, the one after which the alert was
// raised included.
func (s *score) delay() float64 { return median(s.delays) + 1 }

// merge adds what was counted of other series.
func (s *score) merge(o score) {
	s.runs += o.runs
	s.alerts += o.alerts
	s.unsupported += o.unsupported
	s.wanted += o.wanted
	s.recalled += o.recalled
	s.large += o.large
	s.largeHit += o.largeHit
	s.delays = append(s.delays, o.delays...)
}

// data is where the labelled series lie, which are not part of the project.
const data = "../../../shared/data/series"

// labelled skips where the labelled series are missing, but fails in CI.
func labelled(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(data); err != nil {
		reason := fmt.Sprintf("the labelled series are not beside the project: %v", err)
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
}

// scoreAnnotated runs a detector over all annotated series, on all cores.
func scoreAnnotated(t testing.TB, d detector) score {
	t.Helper()
	all, err := readAnnotated(data + "/sap_hana_annotated/part_a.json")
	if err != nil {
		t.Fatal(err)
	}
	var sum score
	for _, s := range parallel(len(all), func(i int) score {
		var s score
		s.add(all[i], online(all[i].Y, d))
		return s
	}) {
		sum.merge(s)
	}
	return sum
}

// parallel calls f for 0 to n-1 on all cores, and returns what it returned, in order.
func parallel[T any](n int, f func(i int) T) []T {
	out := make([]T, n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				out[i] = f(i)
			}
		})
	}
	all.Wait()
	return out
}
