package workloads_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"benchd/workloads/workload"
)

// TestPythonNumbersURLsAsTheStudyDoes holds the URLs of the Python programs
// against the study's rule, one by one and over two passes.
func TestPythonNumbersURLsAsTheStudyDoes(t *testing.T) {
	const n = 20
	program := `
import json, os
from benchd_workload import Workload
os.environ["WORKLOAD_FD"] = str(os.open(os.devnull, os.O_WRONLY))
from urls import URLs
urls = URLs(Workload())
print(json.dumps({"urls": [urls[i] for i in range(urls.items)], "shares": [list(s) for s in urls.shares(3)]}))`
	var got struct {
		URLs   []string
		Shares [][]int
	}
	askPython(t, "cpu-bound", program, &got, "WORKLOAD_PROTOCOL=1", "WORKLOAD_CONCURRENCY=1",
		"WORKLOAD_PASSES=2", "WORKLOAD_DIR=.", "WORKLOAD_URLS="+strconv.Itoa(n))
	var want []string
	for range 2 {
		for i, q := range queries(n) {
			want = append(want, fmt.Sprintf("https://httpbin.org/anything/%d?query=%s", i, q))
		}
	}
	if !slices.Equal(got.URLs, want) {
		t.Errorf("got %q\nwant %q", got.URLs, want)
	}
	var numbers []int
	for _, share := range got.Shares {
		numbers = append(numbers, share...)
	}
	if len(got.Shares) != 3 || len(numbers) != 2*n || !slices.IsSorted(numbers) || numbers[0] != 0 {
		t.Errorf("3 shares of %d URLs are %v", 2*n, got.Shares)
	}
}

// TestLanguagesAgreeOnBuckets: only then do histograms of different runtimes
// merge. Bounds are shown by a duration just in their bucket, and one above.
func TestLanguagesAgreeOnBuckets(t *testing.T) {
	var bounds []int64
	askPython(t, "cpu-bound", "import benchd_workload, json; print(json.dumps(benchd_workload.BOUNDS))", &bounds)
	if len(bounds) != 1081 || bounds[0] != 1000 || bounds[720] != 1e9 {
		t.Fatalf("%d bounds, from %d ns", len(bounds), bounds[0])
	}
	nanos := []int64{1, 999, 1000, 1001, 52_000_000, 999_999_999, 1e12, 1e12 + 1}
	for _, bound := range bounds {
		nanos = append(nanos, bound, bound+1)
	}
	text, err := json.Marshal(nanos)
	if err != nil {
		t.Fatal(err)
	}
	program := fmt.Sprintf(`
import benchd_workload, json
tally = benchd_workload.Tally()
tally.latency = benchd_workload.Histogram()
for nanoseconds in %s:
    tally.latency.record(nanoseconds)
print(json.dumps(tally.message(1)["latency"]))`, text)
	var python any
	askPython(t, "cpu-bound", program, &python)

	var h workload.Histogram
	for _, n := range nanos {
		h.Record(time.Duration(n))
	}
	text, err = json.Marshal(h.Message())
	if err != nil {
		t.Fatal(err)
	}
	var golang any
	if err := json.Unmarshal(text, &golang); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(golang) != fmt.Sprint(python) {
		t.Errorf("Go says %v\nPython says %v", golang, python)
	}
}

// askPython runs a program that imports from a task's folder and prints JSON.
func askPython(t *testing.T, task, program string, into any, env ...string) {
	t.Helper()
	root := layOut(t)
	cmd := exec.Command(findPython(t, nil), "-c", program)
	cmd.Env = append(cmd.Environ(), "PYTHONPATH="+filepath.Join(root, "lib/python")+":"+filepath.Join(root, task, "cpython"))
	cmd.Env = append(cmd.Env, env...)
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, faults.Bytes())
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
