package workloads_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"testing"
)

// The input of the tasks once more, told as the study tells it and not as the
// programs compute it.

// queries returns the query strings of n URLs.
func queries(n int) [][]byte {
	letters := []byte("abcdefghijklmnopqrstuvwxyz")
	all := make([][]byte, n)
	q := letters
	for i := range all {
		all[i] = q
		if len(q) >= 1000 {
			q = letters
		} else {
			q = bytes.Repeat(q, 2)
		}
	}
	return all
}

// expect computes what one pass of a task must report.
func expect(t *testing.T, task string, params map[string]any) (want size) {
	t.Helper()
	if task == "noop" {
		return size{Items: 1, Units: 1}
	}
	var urls int
	if _, err := fmt.Sscan(fmt.Sprint(params["urls"]), &urls); err != nil {
		t.Fatalf("%s: urls is %v: %v", task, params["urls"], err)
	}
	for i, q := range queries(urls) {
		want.Items++
		switch task {
		case "cpu-bound":
			url := fmt.Appendf(nil, "https://httpbin.org/anything/%d?query=", i)
			want.Units += uint64(len(url) + len(q)) // ASCII: a byte a character
			want.Checksum += uint64(crc32.Update(crc32.ChecksumIEEE(url), crc32.IEEETable, q))
		case "io-bound", "canary", "fixed-rate":
			want.Units++
			want.Checksum += uint64(crc32.ChecksumIEEE(fmt.Appendf(nil, "id=%d&query=%s", i, q)))
		default:
			t.Fatalf("task %s: teach this test what it must report", task)
		}
	}
	return want
}

// TestTheStudysBytes pins the input to the study's own figure.
func TestTheStudysBytes(t *testing.T) {
	if got := expect(t, "cpu-bound", map[string]any{"urls": 100_000}).Units; got != 51_258_766 {
		t.Errorf("100,000 URLs have %d bytes, the study says 51,258,766", got)
	}
}

func TestManifestsExpectWhatTheirInputYields(t *testing.T) {
	for task, m := range readManifests(t) {
		for _, r := range m.Runtimes {
			for _, name := range []string{"quick", "standard", "original"} {
				got, ok := r.Sizes[name]
				if !ok {
					t.Errorf("%s/%s has no size %s", task, r.Name, name)
					continue
				}
				want := expect(t, task, got.Params)
				if got.Items != want.Items || got.Units != want.Units || got.Checksum != want.Checksum {
					t.Errorf("%s/%s %s: items: %d, units: %d, checksum: %d, want items: %d, units: %d, checksum: %d",
						task, r.Name, name, got.Items, got.Units, got.Checksum, want.Items, want.Units, want.Checksum)
				}
			}
		}
	}
}
