package workload

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"benchd/workloads/protocol"
)

// environment is a complete one, changed by the pairs.
func environment(pairs ...string) func(string) (string, bool) {
	env := map[string]string{
		"WORKLOAD_PROTOCOL": "1", "WORKLOAD_CONCURRENCY": "4", "WORKLOAD_PASSES": "2", "WORKLOAD_DIR": "/scratch",
		"WORKLOAD_HTTPBIN_URL": "http://127.0.0.1:1/", "WORKLOAD_URLS": "10", "WORKLOAD_DELAY_SECONDS": "0.05",
	}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func TestOpen(t *testing.T) {
	w, err := open(environment(), strings.NewReader(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	if w.Concurrency != 4 || w.Passes != 2 || w.Dir != "/scratch" || w.HTTPBinURL != "http://127.0.0.1:1" {
		t.Errorf("got %+v", w)
	}
	if urls, err := w.Int("urls"); urls != 10 || err != nil {
		t.Errorf("urls: %d, %v", urls, err)
	}
	if delay, err := w.Seconds("delay_seconds"); delay != 0.05 || err != nil {
		t.Errorf("delay_seconds: %v, %v", delay, err)
	}
}

func TestBadEnvironment(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"WORKLOAD_PROTOCOL", "2", `WORKLOAD_PROTOCOL is "2", this program speaks 1`},
		{"WORKLOAD_CONCURRENCY", "0", `WORKLOAD_CONCURRENCY is "0", want a whole number of at least 1`},
		{"WORKLOAD_PASSES", "", `WORKLOAD_PASSES is "", want a whole number of at least 1`},
		{"WORKLOAD_DIR", "", "WORKLOAD_DIR is empty, want a folder to write to"},
		{"WORKLOAD_URLS", "1e3", `WORKLOAD_URLS is "1e3", want a whole number of at least 1`},
		{"WORKLOAD_DELAY_SECONDS", "NaN", `WORKLOAD_DELAY_SECONDS is "NaN", want seconds from 0 to 86400`},
	} {
		w, err := open(environment(test.name, test.value), strings.NewReader(""), nil)
		if err == nil {
			_, errInt := w.Int("urls")
			_, errSeconds := w.Seconds("delay_seconds")
			err = errors.Join(errInt, errSeconds)
		}
		if err == nil || err.Error() != test.want {
			t.Errorf("%s=%s:\n got %v\nwant %s", test.name, test.value, err, test.want)
		}
	}
}

// TestConversation runs a program between the gates, and holds what it says
// against the daemon's own parser.
func TestConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var messages bytes.Buffer
		w, err := open(environment(), strings.NewReader("start 4f1c\nexit\n"), &messages)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // setting up is not clocked
		if err := w.Ready("net/http go1.26"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		tally := Tally{Items: 3, Units: 2, Checksum: 9, Latency: &Histogram{}}
		tally.Fail("timeout")
		for range tally.Items {
			tally.Latency.Record(time.Second)
		}
		if err := w.Done(&tally); err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(messages.Bytes(), []byte("\n"))
		if len(lines) != 3 || len(lines[2]) != 0 {
			t.Fatalf("want 2 lines, got %q", lines)
		}
		if _, err := protocol.ParseReady(lines[0]); err != nil {
			t.Error(err)
		}
		result, err := protocol.ParseResult(lines[1], "4f1c")
		if err != nil {
			t.Fatal(err)
		}
		if result.ElapsedSeconds != 1.5 || result.Items != 3 || result.Errors["timeout"] != 1 || result.Latency.SumSeconds != 3 {
			t.Errorf("got %+v", result)
		}
	})
}

func TestGatesThatAreNotOpened(t *testing.T) {
	for gates, want := range map[string]string{
		"":                   "benchd has given up on this run",
		"exit\n":             `benchd said "exit", want "start"`,
		"start 1\n":          "benchd has given up on this run",
		"start 1\nstart 1\n": `benchd said "start", want "exit"`,
	} {
		w, err := open(environment(), strings.NewReader(gates), &bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		if err = w.Ready(""); err == nil {
			err = w.Done(&Tally{})
		}
		if err == nil || err.Error() != want {
			t.Errorf("gates %q: got %v, want %s", gates, err, want)
		}
	}
}

func TestTalliesAddUp(t *testing.T) {
	a := Tally{Items: 1, Units: 2, Checksum: 3, BytesSent: 4, BytesReceived: 5, BytesWritten: 6}
	a.Fail("timeout")
	b := Tally{Items: 10, Units: 20, Checksum: 30, BytesSent: 40, BytesReceived: 50, BytesWritten: 60, Latency: &Histogram{}}
	b.Latency.Record(time.Millisecond)
	b.Fail("timeout")
	b.Fail("connection")
	a.Add(&b)
	r := a.result(time.Second)
	if r.Items != 11 || r.Units != 22 || r.Checksum != 33 || r.BytesSent != 44 || r.BytesReceived != 55 || r.BytesWritten != 66 ||
		r.Errors["timeout"] != 2 || r.Errors["connection"] != 1 || r.Latency.SumSeconds != 0.001 {
		t.Errorf("got %+v", r)
	}
}

func TestKindsOfErrorsAreBounded(t *testing.T) {
	var tally Tally
	for status := range 500 {
		tally.Fail("status_" + string(rune('A'+status)))
	}
	if n := len(tally.Errors); n != maxKinds+1 || tally.Errors["other"] != 500-maxKinds {
		t.Errorf("%d kinds, %d others", n, tally.Errors["other"])
	}
}

func TestHistogramBuckets(t *testing.T) {
	b := bounds()
	for i := 1; i < len(b); i++ {
		if growth := float64(b[i]) / float64(b[i-1]); growth > 1.022 || growth <= 1 {
			t.Errorf("bucket %d grows by %v", i, growth)
		}
	}
	if b[0] != 1000 || b[len(b)-1] < 100e9 {
		t.Errorf("buckets from %d to %d ns", b[0], b[len(b)-1])
	}
	for _, d := range []time.Duration{1, 1000, 1001, 52 * time.Millisecond, time.Second, time.Second + 1, 100 * time.Second} {
		var h Histogram
		h.Record(d)
		m := h.Message()
		last := m.Buckets[len(m.Buckets)-1]
		if last.Count != 1 || last.LE < d.Seconds() || math.Abs(m.SumSeconds-d.Seconds()) > 1e-12 {
			t.Errorf("%v: %+v", d, m)
		}
		if before := len(m.Buckets) - 2; before >= 0 && m.Buckets[before].LE >= d.Seconds() {
			t.Errorf("%v lies below its bucket: %+v", d, m)
		}
	}
}

// What lies beyond the buckets must not make a sum that they do not allow: the
// daemon refuses that.
func TestHistogramEnds(t *testing.T) {
	for d, want := range map[time.Duration]float64{time.Hour: 1000, -time.Second: 0} {
		var h Histogram
		h.Record(d)
		if m := h.Message(); m.SumSeconds != want {
			t.Errorf("%v counts as %v s, want %v s", d, m.SumSeconds, want)
		}
	}
}

func TestThreads(t *testing.T) {
	var worked [5]int
	threads := StartThreads(len(worked), func(i int) { worked[i]++ })
	if worked != [5]int{} {
		t.Errorf("worked before the start: %v", worked)
	}
	threads.Work()
	if worked != [5]int{1, 1, 1, 1, 1} {
		t.Errorf("worked %v", worked)
	}
	threads.Close()
}
