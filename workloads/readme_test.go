package workloads_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fenced = regexp.MustCompile("(?ms)^```(bash|yaml)\n(.*?)^```$")

// TestExampleOfTheReadme runs the Bash workload that strangers are told to
// start from.
func TestExampleOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := make(map[string]string)
	for _, block := range fenced.FindAllStringSubmatch(string(readme), -1) {
		example[block[1]] += block[2]
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no bash: ", err)
	}
	m := parseManifest(t, []byte(example["yaml"]))
	r := m.Runtimes[0]
	program := filepath.Join(t.TempDir(), r.Models[0].Program)
	if err := os.WriteFile(program, []byte(example["bash"]), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, size := range r.Sizes {
		var n int
		if _, err := fmt.Sscan(fmt.Sprint(size.Params["numbers"]), &n); err != nil {
			t.Fatal(err)
		}
		var sum int
		for i := 1; i <= n; i++ {
			sum += i * i % 1000
		}
		if size.Items != uint64(n) || size.Units != uint64(n) || size.Checksum != uint64(sum) {
			t.Errorf("%s: %+v, want %d items and units and checksum %d", name, size, n, sum)
		}
	}
	want := r.Sizes["quick"]
	ready, got := job{command: []string{r.Interpreter, program}, concurrency: 1, passes: 2, params: want.Params}.run(t)
	if got.Items != 2*want.Items || got.Units != 2*want.Units || got.Checksum != 2*want.Checksum {
		t.Errorf("2 passes yield %+v, want twice %+v", got, want)
	}
	if got.ElapsedSeconds <= 0 {
		t.Errorf("elapsed_seconds is %v", got.ElapsedSeconds)
	}
	version, err := exec.Command(bash, "--version").Output()
	if err != nil || !strings.Contains(string(version), ready.Runtime) {
		t.Errorf("runtime is %q, bash says %.60q (%v)", ready.Runtime, version, err)
	}
}
